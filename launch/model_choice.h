// From settings to the model that a job runs.

#ifndef OCTET_LAUNCH_MODEL_CHOICE_H_
#define OCTET_LAUNCH_MODEL_CHOICE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "proto/config.pb.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// The directory of --model, or a model with random weights.
absl::StatusOr<ModelFiles> OpenModel(const RunConfig& config, FileSystem& files);

// What the model's generation_config.json sets for requests that don't state it; nothing where
// --generation-config says that the file has no say. What it sets is a warning.
absl::StatusOr<SamplingDefaults> ChooseSampling(const RunConfig& config, FileSystem& files,
                                                std::vector<std::string>& warnings);

// Puts the template of --chat-template in place of the model's. Gives its fingerprint; an empty
// text where none is asked for.
absl::StatusOr<std::string> UseChatTemplate(const RunConfig& config, FileSystem& files,
                                            ModelFiles& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_MODEL_CHOICE_H_

// The choice of the model from the settings.

#ifndef OCTET_LAUNCH_SETUP_MODEL_CHOICE_H_
#define OCTET_LAUNCH_SETUP_MODEL_CHOICE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "proto/config.pb.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// Opens the directory or GGUF file of --model, or makes a model with random weights.
absl::StatusOr<ModelFiles> OpenModel(const RunConfig& config, FileSystem& files);

// Returns the values of the model's generation_config.json for requests that do not state them;
// none if --generation-config excludes the file, or the model is GGUF. Values from the file are a
// warning.
absl::StatusOr<SamplingDefaults> ChooseSampling(const RunConfig& config, FileSystem& files,
                                                std::vector<std::string>& warnings);

// Replaces the model's chat template by that of --chat-template. Returns its fingerprint, or an
// empty text if the flag is not given.
absl::StatusOr<std::string> UseChatTemplate(const RunConfig& config, FileSystem& files,
                                            ModelFiles& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_MODEL_CHOICE_H_

// Errors for a model's path that is not a model.

#ifndef OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_
#define OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/io/file.h"

namespace octet {

// Returns OK if the path is a directory that is not empty and has no Git LFS pointers instead of a
// model's files. Otherwise the error says what is there: a name on huggingface.co, a single file
// and its kind, an empty directory, a pointer.
absl::Status CheckModelDirectory(FileSystem& files, const std::string& path);

// Returns the error for a directory without config.json and params.json. It says what is there
// instead, such as an adapter, or a model in a directory below.
absl::Status NoConfigError(FileSystem& files, const std::string& directory);

// Returns the error for a directory without safetensors of a model. It says which other weights are
// there.
absl::Status NoWeightsError(FileSystem& files, const std::string& directory);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_

// What lies at a path that is to be a model, where that is none.

#ifndef OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_
#define OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/io/file.h"

namespace octet {

// OK where the path is a directory that holds something, and no Git LFS pointers in place of a
// model's files. Otherwise the error says what is there: a name on huggingface.co, a single file
// and of which kind, an empty directory, a pointer.
absl::Status CheckModelDirectory(FileSystem& files, const std::string& path);

// The error for a directory without config.json and params.json: says what it has instead, such as
// an adapter, or a model in a directory below.
absl::Status NoConfigError(FileSystem& files, const std::string& directory);

// The error for a directory without safetensors of a model: says which other weights it has.
absl::Status NoWeightsError(FileSystem& files, const std::string& directory);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_MODEL_PATH_H_

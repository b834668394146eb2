#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_

#include <absl/status/statusor.h>

#include <string>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// Returns the Mixtral model in GGUF. Everything comes from its files. If `given`, the path from the
// user, is their directory, warns that files of other forms of a model in it have no effect.
absl::StatusOr<ModelFiles> OpenGgufModel(FileSystem& files, GgufModel opened,
                                         const std::string& given);

// Loads the tokenizer of a model: from GGUF where `path` leads to it (FindGguf), else as
// LoadTokenizerFor.
absl::StatusOr<Tokenizer> LoadModelTokenizer(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_

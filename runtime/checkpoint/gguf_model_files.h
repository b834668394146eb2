#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_

#include <absl/status/statusor.h>

#include <string>

#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// Opens the Mixtral model in a GGUF file, or in all parts of a split one, of which `path` is any.
// Everything comes from these files. If the user gave `directory` in place of a file, warns that
// files of other forms of a model in it have no effect; it is empty otherwise.
absl::StatusOr<ModelFiles> OpenGgufModel(FileSystem& files, const std::string& path,
                                         const std::string& directory = "");

// Loads the tokenizer of a model: from GGUF where `path` leads to it (FindGguf), else as
// LoadTokenizerFor.
absl::StatusOr<Tokenizer> LoadModelTokenizer(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_FILES_H_

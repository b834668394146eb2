// A model before any weight is read.

#ifndef OCTET_RUNTIME_CHECKPOINT_MODEL_FILES_H_
#define OCTET_RUNTIME_CHECKPOINT_MODEL_FILES_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/io/file.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// The files of a model: of a Hugging Face directory, of GGUF, or of a random model
// (runtime/checkpoint/random_weights.h). Movable.
struct ModelFiles {
  ModelConfig config;
  std::unique_ptr<Checkpoint> checkpoint;  // null without a directory of safetensors
  std::unique_ptr<GgufModel> gguf;         // null without GGUF
  MixtralTensors tensors;
  std::unique_ptr<Tokenizer> tokenizer;  // null if the model has none
  std::unique_ptr<ChatTemplates> chat;   // null without a tokenizer
  std::string fingerprint;               // of configuration, headers and tokenizer
  std::vector<std::string> warnings;
  std::vector<std::unique_ptr<RandomAccessFile>> made;  // files of tensors that are made

  // `path` is a model directory, or what FindGguf takes.
  static absl::StatusOr<ModelFiles> Open(FileSystem& files, const std::string& path);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_MODEL_FILES_H_

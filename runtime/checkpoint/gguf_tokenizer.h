#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_TOKENIZER_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_TOKENIZER_H_

#include <absl/status/statusor.h>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// Returns whether the metadata of a GGUF model have a tokenizer, of any kind.
bool HasGgufTokenizer(const GgufModel& model);

// Makes the tokenizer in the metadata of a GGUF model. It gives the ids of a directory with the
// tokenizer.model from which the metadata were made. Only tokenizer.ggml.model 'llama' can be read,
// which is SentencePiece's BPE: 'gpt2' and others cut texts at regular expressions
// (kUnimplemented). Errors name the file and the key. Source of the keys and of their defaults:
// https://github.com/ggml-org/llama.cpp, src/llama-vocab.cpp and conversion/base.py
// (_create_vocab_sentencepiece).
absl::StatusOr<Tokenizer> ReadGgufTokenizer(const GgufModel& model);

// Makes the chat templates in the metadata: tokenizer.chat_template, and tokenizer.chat_template.X
// as the one named X. If there are none, as of a directory with only a tokenizer.model.
absl::StatusOr<ChatTemplates> ReadGgufChatTemplates(const GgufModel& model,
                                                    const Tokenizer& tokenizer);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_TOKENIZER_H_

// The files of a model's directory from which its tokenizer is made.

#ifndef OCTET_RUNTIME_TEXT_TOKENIZER_FILES_H_
#define OCTET_RUNTIME_TEXT_TOKENIZER_FILES_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/text/sentencepiece_model.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/tokenizer_config.h"

namespace octet {

// Lists the files in `directory` that decide which tokens a prompt or a conversation becomes, of
// tokenizers and of chat templates. The names are relative to the directory, in a fixed order.
absl::StatusOr<std::vector<std::string>> ListTokenizerFiles(FileSystem& files,
                                                            const std::string& directory);

// Makes the tokenizer of a directory with this tokenizer.model and these settings beside it.
// `where` begins each note.
Tokenizer AssembleTokenizer(SentencePieceModel model, TokenizerConfig config,
                            const std::string& where);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_FILES_H_

// tokenizer.json, as Hugging Face's tokenizers write it.

#ifndef OCTET_RUNTIME_TEXT_TOKENIZER_JSON_H_
#define OCTET_RUNTIME_TEXT_TOKENIZER_JSON_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/text/added_tokens.h"
#include "runtime/text/bpe_encoder.h"
#include "runtime/text/merge_table.h"
#include "runtime/text/text_pipeline.h"
#include "runtime/text/vocabulary.h"

namespace octet {

// What this version reads of it: BPE over characters with byte fallback.
struct TokenizerJson {
  Vocabulary vocabulary;  // without BOS and EOS, which the file does not state
  std::vector<MergeTable::Merge> merges;
  BpeOptions options;

  TextPipeline pipeline;
  std::vector<AddedToken> added_tokens;

  // What the post-processor puts in front and behind.
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;

  bool strips_space = true;  // the decoder takes one space away that a text begins with

  // Errors begin with `source` and name the key. kUnimplemented: another kind of tokenizer, named.
  static absl::StatusOr<TokenizerJson> Parse(const std::string& text, const std::string& source);
  static absl::StatusOr<TokenizerJson> Load(FileSystem& files, const std::string& path);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_JSON_H_

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

// The contents of a tokenizer.json that this version reads: BPE over characters with byte fallback.
struct TokenizerJson {
  Vocabulary vocabulary;  // without BOS and EOS, which the file does not state
  std::vector<MergeTable::Merge> merges;
  BpeOptions options;

  TextPipeline pipeline;
  std::vector<AddedToken> added_tokens;

  // The tokens that the post-processor puts before and after a text.
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;

  bool strips_space = true;  // the decoder removes one space at the beginning of a text

  // Errors begin with `source` and name the key. kUnimplemented names another kind of tokenizer.
  static absl::StatusOr<TokenizerJson> Parse(const std::string& text, const std::string& source);
  static absl::StatusOr<TokenizerJson> Load(FileSystem& files, const std::string& path);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_JSON_H_

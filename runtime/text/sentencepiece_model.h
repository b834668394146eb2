// A tokenizer.model.

#ifndef OCTET_RUNTIME_TEXT_SENTENCEPIECE_MODEL_H_
#define OCTET_RUNTIME_TEXT_SENTENCEPIECE_MODEL_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "proto/sentencepiece.pb.h"
#include "runtime/io/file.h"
#include "runtime/text/added_tokens.h"
#include "runtime/text/text_normalizer.h"
#include "runtime/text/vocabulary.h"

namespace octet {

// What Tokenizer::Load reads, with the same errors.
struct SentencePieceModel {
  Vocabulary vocabulary;
  NormalizerOptions options;
  SymbolTrie user_defined;

  static absl::StatusOr<SentencePieceModel> FromProto(const sentencepiece::ModelProto& model,
                                                      const std::string& source);
  static absl::StatusOr<SentencePieceModel> FromBytes(std::string_view bytes,
                                                      const std::string& source);
  static absl::StatusOr<SentencePieceModel> Load(FileSystem& files, const std::string& path);

  // Its control pieces, as transformers makes tokens of them: special, found in the text as given.
  std::vector<AddedToken> ControlTokens() const;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_SENTENCEPIECE_MODEL_H_

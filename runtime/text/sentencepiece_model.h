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

// The contents of a tokenizer.model. Errors are those of Tokenizer::Load.
struct SentencePieceModel {
  Vocabulary vocabulary;
  NormalizerOptions options;
  SymbolTrie user_defined;

  static absl::StatusOr<SentencePieceModel> FromProto(const sentencepiece::ModelProto& model,
                                                      const std::string& source);
  static absl::StatusOr<SentencePieceModel> FromBytes(std::string_view bytes,
                                                      const std::string& source);
  static absl::StatusOr<SentencePieceModel> Load(FileSystem& files, const std::string& path);

  // Returns whether each byte of a text is part of some token: none is dropped, and unknown
  // characters become bytes.
  bool keeps_all_bytes() const {
    return !options.remove_extra_whitespaces && vocabulary.byte_ids[0] >= 0;
  }

  // Returns the control pieces as transformers' special tokens, which are found in the original
  // text.
  std::vector<AddedToken> ControlTokens() const;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_SENTENCEPIECE_MODEL_H_

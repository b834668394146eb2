// Small SentencePiece models for tests.

#ifndef OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_
#define OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_

#include <cstdio>
#include <string>
#include <vector>

#include "proto/sentencepiece.pb.h"
#include "runtime/text/tokenizer.h"

namespace octet {

inline constexpr int32_t kUnk = 0;
inline constexpr int32_t kBos = 1;
inline constexpr int32_t kEos = 2;

using PieceProto = sentencepiece::ModelProto::Piece;

inline void AddPiece(sentencepiece::ModelProto& model, const std::string& text, float score = 0,
                     PieceProto::Type type = PieceProto::NORMAL) {
  PieceProto& piece = *model.add_pieces();
  piece.set_piece(text);
  piece.set_score(score);
  piece.set_type(type);
}

// A BPE model with <unk>, <s>, </s> and, with byte fallback, the byte b at 3 + b; a dummy
// prefix, spaces kept.
inline sentencepiece::ModelProto BareModel(bool byte_fallback) {
  sentencepiece::ModelProto model;
  model.mutable_trainer_spec()->set_model_type(sentencepiece::TrainerSpec::BPE);
  model.mutable_trainer_spec()->set_byte_fallback(byte_fallback);
  model.mutable_normalizer_spec()->set_name("identity");
  model.mutable_normalizer_spec()->set_remove_extra_whitespaces(false);
  AddPiece(model, "<unk>", 0, PieceProto::UNKNOWN);
  AddPiece(model, "<s>", 0, PieceProto::CONTROL);
  AddPiece(model, "</s>", 0, PieceProto::CONTROL);
  for (int byte = 0; byte_fallback && byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    AddPiece(model, name, 0, PieceProto::BYTE);
  }
  return model;
}

// Letters a, b, c and the space symbol from id 3 on, without byte fallback.
inline sentencepiece::ModelProto LetterModel() {
  sentencepiece::ModelProto model = BareModel(/*byte_fallback=*/false);
  for (const char* letter : {"a", "b", "c", "▁"}) AddPiece(model, letter, -100);
  model.mutable_normalizer_spec()->set_add_dummy_prefix(false);
  return model;
}

// Fails the test where there is none of this model.
inline Tokenizer MakeTokenizer(const sentencepiece::ModelProto& model) {
  return Tokenizer::FromModel(model, "test.model").value();
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_

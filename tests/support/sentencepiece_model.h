// Small SentencePiece models for tests.

#ifndef OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_
#define OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_

#include <cstdio>
#include <string>
#include <vector>

#include "proto/sentencepiece.pb.h"

namespace octet {

using PieceProto = sentencepiece::ModelProto::Piece;

inline void AddPiece(sentencepiece::ModelProto& model, const std::string& text, float score = 0,
                     PieceProto::Type type = PieceProto::NORMAL) {
  PieceProto& piece = *model.add_pieces();
  piece.set_piece(text);
  piece.set_score(score);
  piece.set_type(type);
}

// A BPE model with <unk> 0, <s> 1, </s> 2 and, with byte fallback, the byte b at 3 + b; a dummy
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

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SENTENCEPIECE_MODEL_H_

#include "runtime/text/vocabulary.h"

#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

absl::Status CheckPiece(const sentencepiece::ModelProto::Piece& piece) {
  if (piece.piece().empty()) return absl::InvalidArgumentError("is empty");
  if (piece.piece().size() > kMaxPieceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", kMaxPieceBytes, " bytes"));
  }
  if (!IsUtf8(piece.piece())) return absl::InvalidArgumentError("is not valid UTF-8");
  if (std::isnan(piece.score())) return absl::InvalidArgumentError("has NaN for its score");
  return absl::OkStatus();
}

// Checks and records pieces[id], whose text and type are in `vocabulary`, if it has a special type.
absl::Status EnterSpecialPiece(int32_t id, bool byte_fallback, Vocabulary& vocabulary) {
  if (vocabulary.types[id] == PieceType::kUnknown) {
    if (vocabulary.unk_id >= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("is of type UNKNOWN, as is pieces[", vocabulary.unk_id, "]"));
    }
    vocabulary.unk_id = id;
  }
  if (vocabulary.types[id] == PieceType::kByte) {
    const int byte = ByteOfPiece(vocabulary.pieces[id]);
    if (!byte_fallback) {
      return absl::InvalidArgumentError("is of type BYTE, but trainer_spec.byte_fallback is false");
    }
    if (byte < 0) return absl::InvalidArgumentError("is of type BYTE, but not of the form <0x00>");
    vocabulary.byte_ids[byte] = id;
  }
  return absl::OkStatus();
}

absl::Status CheckControlId(const Vocabulary& vocabulary, int32_t id, const std::string& field) {
  if (id < 0) return absl::OkStatus();
  if (static_cast<size_t>(id) >= vocabulary.pieces.size()) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is ", id, ", but there are only ",
                                                   vocabulary.pieces.size(), " pieces"));
  }
  if (vocabulary.types[id] != PieceType::kControl) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " is ", id, ", but pieces[", id, "] is not of type CONTROL"));
  }
  return absl::OkStatus();
}

absl::Status CheckAsAWhole(const Vocabulary& vocabulary, bool byte_fallback) {
  if (vocabulary.unk_id < 0) return absl::InvalidArgumentError("no piece is of type UNKNOWN");
  if (!IsUtf8(vocabulary.unk_surface)) {
    return absl::InvalidArgumentError("trainer_spec.unk_surface is not valid UTF-8");
  }
  for (int byte = 0; byte_fallback && byte < 256; ++byte) {
    if (vocabulary.byte_ids[byte] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("trainer_spec.byte_fallback is true, but there is no BYTE piece <0x",
                       absl::Hex(byte, absl::kZeroPad2), "> (in capitals)"));
    }
  }
  absl::Status status = CheckControlId(vocabulary, vocabulary.bos_id, "trainer_spec.bos_id");
  status.Update(CheckControlId(vocabulary, vocabulary.eos_id, "trainer_spec.eos_id"));
  return status;
}

}  // namespace

int ByteOfPiece(std::string_view piece) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  const size_t high = kDigits.find(piece[3]);
  const size_t low = kDigits.find(piece[4]);
  if (high == kDigits.npos || low == kDigits.npos) return -1;
  return static_cast<int>(high * 16 + low);
}

std::string WithPlainSpaces(std::string_view piece) {
  std::string text;
  for (size_t symbol; (symbol = piece.find(kSpaceSymbol)) != piece.npos;) {
    text += piece.substr(0, symbol);
    text += ' ';
    piece.remove_prefix(symbol + kSpaceSymbol.size());
  }
  return text += piece;
}

absl::StatusOr<Vocabulary> MakeVocabulary(const sentencepiece::ModelProto& model,
                                          const std::string& source) {
  const sentencepiece::TrainerSpec& trainer = model.trainer_spec();
  Vocabulary vocabulary;
  vocabulary.byte_ids.fill(-1);
  vocabulary.unk_surface = trainer.unk_surface();
  vocabulary.bos_id = std::max(trainer.bos_id(), -1);
  vocabulary.eos_id = std::max(trainer.eos_id(), -1);

  absl::flat_hash_set<std::string_view> seen;
  seen.reserve(model.pieces_size());
  for (const auto& piece : model.pieces()) {
    const auto id = static_cast<int32_t>(vocabulary.pieces.size());
    vocabulary.pieces.push_back(piece.piece());
    vocabulary.types.push_back(static_cast<PieceType>(piece.type()));
    vocabulary.scores.push_back(piece.score());
    absl::Status status = CheckPiece(piece);
    if (status.ok() && !seen.insert(std::string_view(piece.piece())).second) {
      status = absl::InvalidArgumentError("stands there twice");
    }
    if (status.ok()) status = EnterSpecialPiece(id, trainer.byte_fallback(), vocabulary);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(source, ": pieces[", id, "] '",
                                                     absl::CHexEscape(piece.piece().substr(0, 64)),
                                                     "' ", status.message()));
    }
  }
  if (const auto status = CheckAsAWhole(vocabulary, trainer.byte_fallback()); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source, ": ", status.message()));
  }
  return vocabulary;
}

}  // namespace octet

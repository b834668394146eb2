// The pieces of a SentencePiece model.

#ifndef OCTET_RUNTIME_TEXT_VOCABULARY_H_
#define OCTET_RUNTIME_TEXT_VOCABULARY_H_

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/sentencepiece.pb.h"

namespace octet {

inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581, a space in pieces

// The most bytes of a piece. Real ones have some dozens; the bound keeps loading linear in the size
// of a file.
inline constexpr size_t kMaxPieceBytes = 4096;

// The types of pieces, with SentencePiece's numbers.
enum class PieceType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // <s>, </s>: never made from text, invisible when decoded
  kUserDefined = 4,  // found in the text before anything else, never split, never merged
  kUnused = 5,       // may be merged on the way to a longer piece, then split again
  kByte = 6,         // <0x00> .. <0xFF>
};

// The pieces by id. All are different and valid UTF-8. An empty one means an id without a piece,
// which SentencePiece models do not have.
struct Vocabulary {
  std::vector<std::string> pieces;    // [vocab_size]
  std::vector<PieceType> types;       // [vocab_size]
  std::vector<float> scores;          // [vocab_size], the greater is merged first; never NaN
  std::array<int32_t, 256> byte_ids;  // by byte; all -1 without byte fallback
  std::string unk_surface;            // the decoded text of the unknown piece, valid UTF-8
  int32_t unk_id = -1;                // always set in a SentencePiece model; -1 if none
  int32_t bos_id = -1;                // a control piece, or -1 if none
  int32_t eos_id = -1;                // a control piece, or -1 if none
};

// Checks `model` and takes its vocabulary. Errors begin with `source`, such as a path, and name the
// piece or field.
absl::StatusOr<Vocabulary> MakeVocabulary(const sentencepiece::ModelProto& model,
                                          const std::string& source);

// Returns 0x41 for "<0x41>", or -1 if `piece` is not the name of a byte.
int ByteOfPiece(std::string_view piece);

// Returns `piece` with a space for each kSpaceSymbol.
std::string WithPlainSpaces(std::string_view piece);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_VOCABULARY_H_

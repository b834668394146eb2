// What neighbours may be merged into.

#ifndef OCTET_RUNTIME_TEXT_MERGE_TABLE_H_
#define OCTET_RUNTIME_TEXT_MERGE_TABLE_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/vocabulary.h"

namespace octet {

// The merges that a vocabulary allows, over symbols instead of texts. A piece is the symbol of its
// id; a character that stands inside pieces but is none itself has a symbol from vocab_size on;
// other characters have kNoSymbol.
class MergeTable {
 public:
  static constexpr int32_t kNoSymbol = -1;
  // No piece is the union, but some piece has these two characters side by side. Only said of
  // characters.
  static constexpr int32_t kJoined = -1;
  // No piece is the union, and if both are characters none has them side by side.
  static constexpr int32_t kApart = -2;

  explicit MergeTable(const Vocabulary& vocabulary);

  int32_t SymbolOf(char32_t character) const {
    return character < character_symbols_.size() ? character_symbols_[character] : kNoSymbol;
  }

  // The piece that is the union of two symbols, or kJoined, or kApart. User-defined symbols are in
  // no union.
  int32_t Union(int32_t left, int32_t right) const {
    const auto found = unions_.find(Key(left, right));
    return found != unions_.end() ? found->second : kApart;
  }

  // The place of a piece in the order of merging: 0 for the best score, equal scores alike.
  uint32_t Rank(int32_t piece) const { return ranks_[piece]; }

 private:
  using PieceIds = absl::flat_hash_map<std::string_view, int32_t>;

  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }

  void AddCharacters(std::string_view piece, const PieceIds& piece_ids);
  void AddUnions(std::string_view piece, int32_t id, const PieceIds& piece_ids);

  std::vector<uint32_t> ranks_;                    // [vocab_size]
  int32_t num_symbols_;                            // pieces and characters
  std::vector<int32_t> character_symbols_;         // by code point
  absl::flat_hash_map<uint64_t, int32_t> unions_;  // by Key; kApart is not stored
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_MERGE_TABLE_H_

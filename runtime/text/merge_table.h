// The table of allowed merges.

#ifndef OCTET_RUNTIME_TEXT_MERGE_TABLE_H_
#define OCTET_RUNTIME_TEXT_MERGE_TABLE_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/text/vocabulary.h"

namespace octet {

// The merges that a vocabulary allows, over symbols instead of texts. The symbol of a piece is its
// id. A character that is inside pieces but is no piece itself may have a symbol from vocab_size
// on. Other characters have kNoSymbol.
class MergeTable {
 public:
  static constexpr int32_t kNoSymbol = -1;
  // No piece is the union, but some piece has these two characters side by side. Applies to
  // characters only.
  static constexpr int32_t kJoined = -1;
  // No piece is the union, and no piece has the two side by side if both are characters.
  static constexpr int32_t kApart = -2;

  // The possible union of two neighbours, and its rank.
  struct Union {
    int32_t id = kApart;  // a piece, or kJoined, or kApart
    uint32_t rank = 0;    // the place in the order of merges: the smallest is first
  };

  // Two pieces that may be merged into a third.
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t merged;
  };

  // Makes the table of SentencePiece: it allows any two symbols whose union is a piece, in the
  // order of the pieces' scores. Equal scores have equal ranks.
  static MergeTable ByScore(const Vocabulary& vocabulary);

  // Makes the table of a tokenizer.json: it allows only these merges, in this order. Of two merges
  // of one pair, the last one counts.
  static MergeTable ByOrder(const Vocabulary& vocabulary, std::span<const Merge> merges);

  int32_t SymbolOf(char32_t character) const {
    return character < character_symbols_.size() ? character_symbols_[character] : kNoSymbol;
  }

  // Returns the union of two symbols. User-defined symbols have none.
  Union UnionOf(int32_t left, int32_t right) const {
    const auto found = unions_.find(Key(left, right));
    return found != unions_.end() ? found->second : Union{};
  }

  // Returns the piece that the merges of a rank make if it is certainly one piece; else kApart.
  int32_t PieceOfRank(uint32_t rank) const {
    return rank < pieces_of_ranks_.size() ? pieces_of_ranks_[rank] : kApart;
  }

 private:
  using PieceIds = absl::flat_hash_map<std::string_view, int32_t>;

  MergeTable() = default;

  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }

  int32_t& CharacterSymbol(char32_t character);
  void AddCharacters(std::string_view piece, const PieceIds& piece_ids);
  void AddNeighbours(std::string_view piece);
  void AddUnions(std::string_view piece, Union piece_union, const PieceIds& piece_ids);

  int32_t num_symbols_ = 0;                      // pieces and characters
  std::vector<int32_t> character_symbols_;       // by code point
  absl::flat_hash_map<uint64_t, Union> unions_;  // by Key; kApart is not stored
  std::vector<int32_t> pieces_of_ranks_;         // empty if ranks come from scores
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_MERGE_TABLE_H_

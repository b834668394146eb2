#include "runtime/text/merge_table.h"

#include <algorithm>
#include <functional>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

std::vector<uint32_t> RanksOfScores(const std::vector<float>& scores) {
  std::vector<float> best_first = scores;
  std::sort(best_first.begin(), best_first.end(), std::greater<>());
  best_first.erase(std::unique(best_first.begin(), best_first.end()), best_first.end());
  std::vector<uint32_t> ranks;
  ranks.reserve(scores.size());
  for (const float score : scores) {
    const auto place =
        std::lower_bound(best_first.begin(), best_first.end(), score, std::greater<>());
    ranks.push_back(static_cast<uint32_t>(place - best_first.begin()));
  }
  return ranks;
}

}  // namespace

MergeTable MergeTable::ByScore(const Vocabulary& vocabulary) {
  MergeTable table;
  table.num_symbols_ = static_cast<int32_t>(vocabulary.pieces.size());
  PieceIds piece_ids;  // of all pieces that merges can make
  piece_ids.reserve(vocabulary.pieces.size());
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const PieceType type = vocabulary.types[id];
    if (type != PieceType::kNormal && type != PieceType::kUnused) continue;
    piece_ids[vocabulary.pieces[id]] = static_cast<int32_t>(id);
  }
  for (const auto& [piece, id] : piece_ids) table.AddCharacters(piece, piece_ids);
  const std::vector<uint32_t> ranks = RanksOfScores(vocabulary.scores);
  table.unions_.reserve(2 * piece_ids.size());  // about what real vocabularies need
  for (const auto& [piece, id] : piece_ids) table.AddUnions(piece, {id, ranks[id]}, piece_ids);
  return table;
}

MergeTable MergeTable::ByOrder(const Vocabulary& vocabulary, std::span<const Merge> merges) {
  MergeTable table;
  table.num_symbols_ = static_cast<int32_t>(vocabulary.pieces.size());
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const std::string_view piece = vocabulary.pieces[id];
    const auto [character, size] = FirstUtf8Char(piece);
    if (size > 0 && size == piece.size()) {
      table.CharacterSymbol(character) = static_cast<int32_t>(id);
    }
  }
  table.unions_.reserve(2 * merges.size());
  for (const Merge& merge : merges) table.AddNeighbours(vocabulary.pieces[merge.merged]);
  for (const Merge& merge : merges) {
    const auto rank = static_cast<uint32_t>(table.pieces_of_ranks_.size());
    table.unions_[Key(merge.left, merge.right)] = {merge.merged, rank};
    table.pieces_of_ranks_.push_back(merge.merged);
  }
  return table;
}

int32_t& MergeTable::CharacterSymbol(char32_t character) {
  if (character >= character_symbols_.size()) character_symbols_.resize(character + 1, kNoSymbol);
  return character_symbols_[character];
}

void MergeTable::AddCharacters(std::string_view piece, const PieceIds& piece_ids) {
  while (!piece.empty()) {
    const auto [character, size] = FirstUtf8Char(piece);
    int32_t& symbol = CharacterSymbol(character);
    if (symbol == kNoSymbol) {
      const auto found = piece_ids.find(piece.substr(0, size));
      symbol = found != piece_ids.end() ? found->second : num_symbols_++;
    }
    piece.remove_prefix(size);
  }
}

// Records which characters are side by side in `piece`.
void MergeTable::AddNeighbours(std::string_view piece) {
  Utf8Char before = FirstUtf8Char(piece);
  for (size_t middle = before.size; middle < piece.size();) {
    const Utf8Char after = FirstUtf8Char(piece.substr(middle));
    const uint64_t key = Key(SymbolOf(before.code_point), SymbolOf(after.code_point));
    unions_.try_emplace(key, Union{.id = kJoined});
    before = after;
    middle += after.size;
  }
}

// Records all merges that make `piece`.
void MergeTable::AddUnions(std::string_view piece, Union piece_union, const PieceIds& piece_ids) {
  const auto symbol_of = [&](std::string_view part) {
    const auto found = piece_ids.find(part);
    if (found != piece_ids.end()) return found->second;
    const auto [character, size] = FirstUtf8Char(part);
    return size == part.size() ? SymbolOf(character) : kNoSymbol;
  };
  AddNeighbours(piece);
  for (size_t middle = FirstUtf8Char(piece).size; middle < piece.size();) {
    const int32_t left = symbol_of(piece.substr(0, middle));
    const int32_t right = symbol_of(piece.substr(middle));
    if (left != kNoSymbol && right != kNoSymbol) unions_[Key(left, right)] = piece_union;
    middle += FirstUtf8Char(piece.substr(middle)).size;
  }
}

}  // namespace octet

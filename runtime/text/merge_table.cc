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

MergeTable::MergeTable(const Vocabulary& vocabulary)
    : ranks_(RanksOfScores(vocabulary.scores)),
      num_symbols_(static_cast<int32_t>(vocabulary.pieces.size())) {
  PieceIds piece_ids;  // of all that merges can make
  piece_ids.reserve(vocabulary.pieces.size());
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const PieceType type = vocabulary.types[id];
    if (type != PieceType::kNormal && type != PieceType::kUnused) continue;
    piece_ids[vocabulary.pieces[id]] = static_cast<int32_t>(id);
  }
  for (const auto& [piece, id] : piece_ids) AddCharacters(piece, piece_ids);
  unions_.reserve(2 * piece_ids.size());  // about what real vocabularies need
  for (const auto& [piece, id] : piece_ids) AddUnions(piece, id, piece_ids);
}

void MergeTable::AddCharacters(std::string_view piece, const PieceIds& piece_ids) {
  while (!piece.empty()) {
    const auto [character, size] = FirstUtf8Char(piece);
    if (character >= character_symbols_.size()) character_symbols_.resize(character + 1, kNoSymbol);
    int32_t& symbol = character_symbols_[character];
    if (symbol == kNoSymbol) {
      const auto found = piece_ids.find(piece.substr(0, size));
      symbol = found != piece_ids.end() ? found->second : num_symbols_++;
    }
    piece.remove_prefix(size);
  }
}

// Enters all that `piece` may be merged from, and which characters stand side by side in it.
void MergeTable::AddUnions(std::string_view piece, int32_t id, const PieceIds& piece_ids) {
  const auto symbol_of = [&](std::string_view part) {
    const auto found = piece_ids.find(part);
    if (found != piece_ids.end()) return found->second;
    const auto [character, size] = FirstUtf8Char(part);
    return size == part.size() ? SymbolOf(character) : kNoSymbol;
  };
  Utf8Char before = FirstUtf8Char(piece);
  for (size_t middle = before.size; middle < piece.size();) {
    const Utf8Char after = FirstUtf8Char(piece.substr(middle));
    unions_.try_emplace(Key(SymbolOf(before.code_point), SymbolOf(after.code_point)), kJoined);
    const int32_t left = symbol_of(piece.substr(0, middle));
    const int32_t right = symbol_of(piece.substr(middle));
    if (left != kNoSymbol && right != kNoSymbol) unions_[Key(left, right)] = id;
    before = after;
    middle += after.size;
  }
}

}  // namespace octet

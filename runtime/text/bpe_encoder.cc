#include "runtime/text/bpe_encoder.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/base/check.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

// The work between two reports of progress: a text may be long, and other ranks wait for this one.
constexpr int64_t kRunsPerTick = 1024;
constexpr int64_t kMergesPerTick = 65536;

}  // namespace

// A run of neighbouring symbols that merges may join: a linked list over an array, with the pairs
// that wait.
class BpeEncoder::Run {
 public:
  explicit Run(const BpeEncoder& encoder) : encoder_(encoder) {}

  bool empty() const { return symbols_.empty(); }
  int32_t last() const { return symbols_.back().id; }
  const Splits& splits() const { return splits_; }

  // Appends a symbol. `merged` is the possible union of the last symbol and this one.
  void Append(int32_t id, MergeTable::Union merged) {
    const auto place = static_cast<int32_t>(symbols_.size());
    if (place > 0) {
      symbols_.back().next = place;
      Offer(place - 1, id, merged);
    }
    symbols_.push_back({.id = id, .prev = place - 1, .next = kEnd, .merged = {}});
  }

  void Merge() {
    for (int64_t pairs = 1; !agenda_.empty(); ++pairs) {
      if (pairs % kMergesPerTick == 0) Activity::OfThisThread().Tick();
      std::pop_heap(agenda_.begin(), agenda_.end(), std::greater<>());
      const uint64_t best = agenda_.back();
      agenda_.pop_back();
      const auto place = static_cast<int32_t>(best & 0xFFFFFFFF);
      const auto rank = static_cast<uint32_t>(best >> 32);
      const MergeTable::Union merged = symbols_[place].merged;
      // The pair is stale if one of the two was merged meanwhile. A new pair of the same rank there
      // would be next anyway. One that makes the same piece is merged now, as in Hugging Face's
      // tokenizers.
      if (merged.id < 0) continue;
      if (merged.rank == rank || merged.id == encoder_.table_.PieceOfRank(rank)) MergeAt(place);
    }
  }

  template <typename Visitor>
  void ForEachSymbol(Visitor visit) const {
    for (int32_t place = empty() ? kEnd : 0; place != kEnd; place = symbols_[place].next) {
      visit(symbols_[place].id);
    }
  }

  void Clear() { symbols_.clear(); }  // Merge left the agenda empty

 private:
  struct Symbol {
    int32_t id;
    int32_t prev;
    int32_t next;
    MergeTable::Union merged;  // the possible union of this symbol and the next
  };
  static constexpr int32_t kEnd = -1;

  void MergeAt(int32_t place) {
    Symbol& left = symbols_[place];
    Symbol& right = symbols_[left.next];
    left.id = left.merged.id;
    left.next = right.next;
    right.merged = {};
    left.merged = {};
    if (left.prev != kEnd) {
      Offer(left.prev, left.id, encoder_.table_.UnionOf(symbols_[left.prev].id, left.id));
    }
    if (left.next != kEnd) {
      Symbol& next = symbols_[left.next];
      next.prev = place;
      Offer(place, next.id, encoder_.table_.UnionOf(left.id, next.id));
    }
  }

  // Puts the symbol at `place` and its neighbour `right`, which may become `merged`, on the agenda.
  void Offer(int32_t place, int32_t right, MergeTable::Union merged) {
    symbols_[place].merged = merged;
    if (merged.id < 0) return;
    agenda_.push_back(uint64_t{merged.rank} << 32 | static_cast<uint32_t>(place));
    std::push_heap(agenda_.begin(), agenda_.end(), std::greater<>());
    // The steps that lead to a piece are the same at every place, so one split serves them all.
    if (encoder_.unused_[merged.id]) splits_[merged.id] = {symbols_[place].id, right};
  }

  const BpeEncoder& encoder_;
  std::vector<Symbol> symbols_;
  std::vector<uint64_t> agenda_;  // a heap of rank << 32 | place, the smallest on top
  Splits splits_;                 // of the unused pieces seen so far
};

BpeEncoder::BpeEncoder(const Vocabulary& vocabulary, MergeTable table, SymbolTrie user_defined,
                       const BpeOptions& options)
    : table_(std::move(table)),
      user_defined_(std::move(user_defined)),
      options_(options),
      byte_ids_(vocabulary.byte_ids),
      unk_id_(vocabulary.unk_id) {
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const std::string& piece = vocabulary.pieces[id];
    sizes_.push_back(static_cast<uint32_t>(piece.size()));
    unused_.push_back(vocabulary.types[id] == PieceType::kUnused);
    if (options_.ignore_merges && !piece.empty()) whole_pieces_[piece] = static_cast<int32_t>(id);
  }
}

// Returns the user-defined symbol or the character that `text` begins with. A user-defined symbol
// is in no union, so it is never merged.
SymbolTrie::Match BpeEncoder::FirstSymbol(std::string_view text) const {
  if (const auto match = user_defined_.LongestPrefix(text); match.id >= 0) return match;
  const auto [character, size] = FirstUtf8Char(text);
  return {table_.SymbolOf(character), size};
}

void BpeEncoder::Encode(std::string_view text, std::vector<int32_t>& ids) const {
  OCTET_CHECK(text.size() <= std::numeric_limits<int32_t>::max())
      << text.size() << " bytes in one text ";
  if (options_.ignore_merges) {
    if (const auto whole = whole_pieces_.find(std::string(text)); whole != whole_pieces_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  const size_t first = ids.size();
  Run run(*this);
  size_t run_begin = 0;
  int64_t num_runs = 0;
  for (size_t place = 0; place < text.size();) {
    const auto [id, size] = FirstSymbol(text.substr(place));
    const MergeTable::Union merged =
        run.empty() ? MergeTable::Union{} : table_.UnionOf(run.last(), id);
    // No merge joins two characters that no piece has side by side. Most runs are words.
    if (merged.id == MergeTable::kApart && !run.empty()) {
      run.Merge();
      EmitRun(run, text.substr(run_begin), first, ids);
      run.Clear();
      run_begin = place;
      if (++num_runs % kRunsPerTick == 0) Activity::OfThisThread().Tick();
    }
    run.Append(id, merged);
    place += size;
  }
  run.Merge();
  EmitRun(run, text.substr(run_begin), first, ids);
}

// Appends the ids of a merged run, which `text` begins with. ids[first] is the first id of the
// whole text.
void BpeEncoder::EmitRun(const Run& run, std::string_view text, size_t first,
                         std::vector<int32_t>& ids) const {
  run.ForEachSymbol([&](int32_t symbol) {
    text.remove_prefix(EmitSymbol(symbol, run.splits(), text, first, ids));
  });
}

// Appends the ids of one symbol, which `text` begins with; returns its size in bytes.
size_t BpeEncoder::EmitSymbol(int32_t symbol, const Splits& splits, std::string_view text,
                              size_t first, std::vector<int32_t>& ids) const {
  if (symbol < 0 || static_cast<size_t>(symbol) >= sizes_.size()) {
    const size_t size = FirstUtf8Char(text).size;
    EmitUnknown(text.substr(0, size), first, ids);
    return size;
  }
  if (unused_[symbol]) {
    if (const auto split = splits.find(symbol); split != splits.end()) {
      const size_t left_size = EmitSymbol(split->second.left, splits, text, first, ids);
      return left_size +
             EmitSymbol(split->second.right, splits, text.substr(left_size), first, ids);
    }
  }
  ids.push_back(symbol);
  return sizes_[symbol];
}

void BpeEncoder::EmitUnknown(std::string_view character, size_t first,
                             std::vector<int32_t>& ids) const {
  const auto has_piece = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] >= 0; };
  if (std::all_of(character.begin(), character.end(), has_piece)) {
    for (const char byte : character) ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
  } else if (unk_id_ >= 0 &&
             !(options_.fuse_unknown && ids.size() > first && ids.back() == unk_id_)) {
    ids.push_back(unk_id_);
  }
}

}  // namespace octet

#include "runtime/structured/token_trie.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace octet {
namespace {

std::string BytesOfToken(const Tokenizer& tokenizer, int32_t id, bool at_start) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  std::string_view piece = vocabulary.pieces[id];
  switch (vocabulary.types[id]) {
    case PieceType::kControl:
    case PieceType::kUnknown:
      return "";
    case PieceType::kByte:
      return {static_cast<char>(ByteOfPiece(piece))};
    default:
      if (at_start && tokenizer.takes_space() && piece.starts_with(kSpaceSymbol)) {
        piece.remove_prefix(kSpaceSymbol.size());
      }
      return WithPlainSpaces(piece);
  }
}

size_t CommonPrefix(std::string_view a, std::string_view b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

}  // namespace

std::vector<std::string> TokenBytes(const Tokenizer& tokenizer, int64_t vocab_size, bool at_start) {
  std::vector<std::string> bytes(vocab_size);
  const int64_t known = std::min<int64_t>(vocab_size, tokenizer.vocab_size());
  for (int32_t id = 0; id < known; ++id) bytes[id] = BytesOfToken(tokenizer, id, at_start);
  return bytes;
}

bool HasTokenOfEachByte(const Tokenizer& tokenizer, int64_t vocab_size) {
  const std::array<int32_t, 256>& ids = tokenizer.vocabulary().byte_ids;
  return std::all_of(ids.begin(), ids.end(),
                     [=](int32_t id) { return id >= 0 && id < vocab_size; });
}

TokenTrie::TokenTrie(std::span<const std::string> token_bytes)
    : vocab_size_(static_cast<int32_t>(token_bytes.size())) {
  tokens_.resize(token_bytes.size());
  std::iota(tokens_.begin(), tokens_.end(), 0);
  std::erase_if(tokens_, [&](int32_t id) { return token_bytes[id].empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [&](int32_t a, int32_t b) { return token_bytes[a] < token_bytes[b]; });
  std::vector<int32_t> path;  // the nodes above the latest
  std::string_view last;
  const auto leave_to = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back()) {
      nodes_[path.back()].skip = static_cast<int32_t>(nodes_.size());
    }
  };
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string_view bytes = token_bytes[tokens_[i]];
    leave_to(CommonPrefix(last, bytes));
    while (path.size() < bytes.size()) {
      const auto byte = static_cast<uint8_t>(bytes[path.size()]);
      path.push_back(static_cast<int32_t>(nodes_.size()));
      nodes_.push_back({.byte = byte,
                        .depth = static_cast<int16_t>(path.size()),
                        .skip = 0,
                        .first_token = static_cast<int32_t>(i),
                        .num_tokens = 0});
    }
    ++nodes_[path.back()].num_tokens;
    max_depth_ = std::max(max_depth_, static_cast<int>(path.size()));
    last = bytes;
  }
  leave_to(0);
}

}  // namespace octet

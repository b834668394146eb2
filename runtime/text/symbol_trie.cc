#include "runtime/text/symbol_trie.h"

namespace octet {
namespace {

uint64_t EdgeKey(uint32_t node, char byte) {
  return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
}

}  // namespace

void SymbolTrie::Insert(std::string_view symbol, int32_t id) {
  first_bytes_.set(static_cast<uint8_t>(symbol[0]));
  uint32_t node = 0;
  for (const char byte : symbol) {
    const auto [edge, is_new] = edges_.try_emplace(EdgeKey(node, byte), ids_.size());
    if (is_new) ids_.push_back(-1);
    node = edge->second;
  }
  ids_[node] = id;
}

SymbolTrie::Match SymbolTrie::Walk(std::string_view text) const {
  Match longest;
  uint32_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto edge = edges_.find(EdgeKey(node, text[i]));
    if (edge == edges_.end()) break;
    node = edge->second;
    if (ids_[node] >= 0) longest = {ids_[node], i + 1};
  }
  return longest;
}

}  // namespace octet

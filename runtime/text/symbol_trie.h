// A table of user-defined symbols, by their bytes.

#ifndef OCTET_RUNTIME_TEXT_SYMBOL_TRIE_H_
#define OCTET_RUNTIME_TEXT_SYMBOL_TRIE_H_

#include <absl/container/flat_hash_map.h>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace octet {

// A trie that finds the longest symbol that a text begins with, in time proportional to that
// symbol.
class SymbolTrie {
 public:
  struct Match {
    int32_t id = -1;  // -1 if none
    size_t size = 0;  // bytes
  };

  SymbolTrie() : ids_(1, -1) {}

  void Insert(std::string_view symbol, int32_t id);

  Match LongestPrefix(std::string_view text) const {
    // Most vocabularies have no user-defined symbols at all.
    if (text.empty() || !first_bytes_[static_cast<uint8_t>(text[0])]) return {};
    return Walk(text);
  }

 private:
  Match Walk(std::string_view text) const;

  std::bitset<256> first_bytes_;
  absl::flat_hash_map<uint64_t, uint32_t> edges_;  // node << 8 | byte -> node
  std::vector<int32_t> ids_;                       // [nodes], -1 if no symbol ends there
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_SYMBOL_TRIE_H_

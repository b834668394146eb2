// Byte pair encoding by scores, as SentencePiece does it.

#ifndef OCTET_RUNTIME_TEXT_BPE_ENCODER_H_
#define OCTET_RUNTIME_TEXT_BPE_ENCODER_H_

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/merge_table.h"
#include "runtime/text/symbol_trie.h"
#include "runtime/text/vocabulary.h"

namespace octet {

// Merges the neighbours whose union has the highest score, leftmost first, until no union is a
// piece. Takes O(n log n) for a text of n characters, and linear memory.
class BpeEncoder {
 public:
  BpeEncoder(const Vocabulary& vocabulary, SymbolTrie user_defined);

  // Appends the ids of `text`, as TextNormalizer left it.
  void Encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  class Run;
  struct Split {
    int32_t left;  // symbols
    int32_t right;
  };
  using Splits = absl::flat_hash_map<int32_t, Split>;

  SymbolTrie::Match FirstSymbol(std::string_view text) const;
  void EmitRun(const Run& run, std::string_view text, std::vector<int32_t>& ids) const;
  size_t EmitSymbol(int32_t symbol, const Splits& splits, std::string_view text,
                    std::vector<int32_t>& ids) const;
  void EmitUnknown(std::string_view character, std::vector<int32_t>& ids) const;

  MergeTable table_;
  SymbolTrie user_defined_;
  std::vector<uint32_t> sizes_;        // [vocab_size], bytes
  std::vector<bool> unused_;           // [vocab_size]
  std::array<int32_t, 256> byte_ids_;  // all -1 without byte fallback
  int32_t unk_id_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_BPE_ENCODER_H_

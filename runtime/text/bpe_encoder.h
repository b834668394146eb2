// Byte pair encoding, as SentencePiece and Hugging Face's tokenizers do it.

#ifndef OCTET_RUNTIME_TEXT_BPE_ENCODER_H_
#define OCTET_RUNTIME_TEXT_BPE_ENCODER_H_

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/merge_table.h"
#include "runtime/text/symbol_trie.h"
#include "runtime/text/vocabulary.h"

namespace octet {

struct BpeOptions {
  bool fuse_unknown = true;    // neighbouring unknown characters become one unknown piece
  bool ignore_merges = false;  // a text that is a whole piece becomes that piece
};

// An encoder that merges the neighbours whose union comes first in the table's order, leftmost
// first, until no union is left. A character that is no piece becomes its bytes if all of them are
// pieces, else the unknown piece, else nothing. Takes O(n log n) time for a text of n characters,
// and linear memory.
class BpeEncoder {
 public:
  // `table` must be made from `vocabulary`.
  BpeEncoder(const Vocabulary& vocabulary, MergeTable table, SymbolTrie user_defined,
             const BpeOptions& options = {});

  // Appends the ids of `text`, which must be normalized UTF-8.
  void Encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  class Run;
  struct Split {
    int32_t left;  // symbols
    int32_t right;
  };
  using Splits = absl::flat_hash_map<int32_t, Split>;

  SymbolTrie::Match FirstSymbol(std::string_view text) const;
  void EmitRun(const Run& run, std::string_view text, size_t first,
               std::vector<int32_t>& ids) const;
  size_t EmitSymbol(int32_t symbol, const Splits& splits, std::string_view text, size_t first,
                    std::vector<int32_t>& ids) const;
  void EmitUnknown(std::string_view character, size_t first, std::vector<int32_t>& ids) const;

  MergeTable table_;
  SymbolTrie user_defined_;
  BpeOptions options_;
  std::vector<uint32_t> sizes_;                             // [vocab_size], bytes
  std::vector<bool> unused_;                                // [vocab_size]
  absl::flat_hash_map<std::string, int32_t> whole_pieces_;  // empty unless ignore_merges
  std::array<int32_t, 256> byte_ids_;                       // all -1 without byte fallback
  int32_t unk_id_;                                          // -1 if none
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_BPE_ENCODER_H_

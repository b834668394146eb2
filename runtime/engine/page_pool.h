// The pages of one rank's KV cache: which sequences use them, and which tokens they hold.

#ifndef OCTET_RUNTIME_ENGINE_PAGE_POOL_H_
#define OCTET_RUNTIME_ENGINE_PAGE_POOL_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/attention.h"

namespace octet {

// The pages of one sequence.
struct PageTable {
  std::vector<int32_t> pages;  // [i] has the positions [i * kKvBlock, (i + 1) * kKvBlock)
  int64_t num_shared = 0;      // pages, from the first on, that were found
  int64_t num_indexed = 0;     // whole pages, from the first on, that others can find
  int64_t num_ready = 0;       // tokens that its pages hold, as far as the pool was told

  int64_t shared_tokens() const { return num_shared * kKvBlock; }
};

// A pool of pages, and a prefix cache: a sequence finds the pages that hold its first tokens, or
// will hold them because another sequence is about to compute them. What a page holds is known by
// its own tokens and the page before it, and tokens are compared one by one. Only one sequence at a
// time writes to a page.
//
// Pages that no sequence uses are free. They keep what they hold until they are needed, the least
// recently used first, and later pages of a sequence before earlier ones: what is left can always
// be found from its beginning.
class PagePool {
 public:
  static constexpr int64_t kNobody = -1;
  static constexpr int32_t kNoPage = -1;

  // Unless it shares, nothing is ever found.
  PagePool(int64_t num_pages, bool shares);

  int64_t num_free() const {
    return num_pages_ - std::ssize(pages_) + std::ssize(free_) + std::ssize(unused_);
  }

  // Whole pages that hold the first tokens of a sequence.
  struct Found {
    int64_t num_pages = 0;
    int64_t num_in_use = 0;  // of these, by other sequences
  };
  Found Find(std::span<const int32_t> tokens) const;

  // Puts the pages that Find counts into an empty table.
  void Share(std::span<const int32_t> tokens, PageTable& table);

  // Adds pages until there is room for `num_tokens`. Returns false, and adds none, if too few are
  // free.
  bool Grow(int64_t num_tokens, PageTable& table);

  // Lets others find the pages of a sequence whose first tokens are `tokens`, before it has
  // computed them all.
  void Index(std::span<const int32_t> tokens, int64_t writer, PageTable& table);

  // Says that the pages hold the first `num_computed` of a sequence's tokens. Those of its pages
  // that are whole by then can be found.
  void Advance(std::span<const int32_t> tokens, int64_t num_computed, int64_t writer,
               PageTable& table);

  // Returns the tokens at the beginning of the shared pages that are computed.
  int64_t CountReady(const PageTable& table) const;

  // Makes the sequence the writer of its shared pages from the one with this position on, up to the
  // first that has another. Returns the position up to which it may compute.
  int64_t Claim(int64_t position, int64_t writer, const PageTable& table);

  // A page that begins like the one after a table's shared pages.
  struct Tail {
    int32_t page = kNoPage;
    int64_t num_tokens = 0;  // that are alike, and computed or being computed by an older sequence
    int64_t num_ready = 0;   // of these, computed
  };

  // Finds the page that has most of the tokens of the sequence `reader` after its shared ones. The
  // work is proportional to the running sequences.
  Tail FindTail(std::span<const int32_t> tokens, int64_t reader, const PageTable& table) const;

  // Makes the pages without users hold nothing.
  void Forget();

  // Returns the pages of a sequence that has computed `num_computed` of its tokens.
  void Release(std::span<const int32_t> tokens, int64_t num_computed, int64_t writer,
               PageTable& table);

 private:
  struct Page {
    int32_t parent = kNoPage;  // the page of the tokens before
    int32_t num_tokens = 0;    // in `tokens`; 0: it cannot be found
    int32_t num_ready = 0;     // of these, computed
    int32_t num_users = 0;
    int64_t writer = kNobody;  // the sequence that computes the others
    int64_t released = 0;      // when it was last used, in uses
    std::array<int32_t, kKvBlock> tokens = {};

    std::span<const int32_t> known() const { return std::span(tokens).first(num_tokens); }
  };

  // A page's key in the index.
  struct Key {
    int32_t parent;
    std::span<const int32_t> tokens;
  };

  Key KeyOf(int32_t page) const { return {pages_[page].parent, pages_[page].known()}; }
  static int32_t Parent(const PageTable& table, int64_t i) {
    return i == 0 ? kNoPage : table.pages[i - 1];
  }
  std::vector<int32_t>::const_iterator LowerBound(const Key& key) const;
  int32_t FindWhole(int32_t parent, std::span<const int32_t> tokens) const;
  bool Enter(int32_t page, const Key& key);
  void Leave(int32_t page);
  void Use(int32_t page);
  void Drop(int32_t page);
  int32_t Take();
  auto Unused(int32_t page);

  const int64_t num_pages_;
  const bool shares_;
  std::vector<Page> pages_;      // that were ever used
  std::vector<int32_t> index_;   // pages that can be found, ascending by key
  std::vector<int32_t> free_;    // pages that hold nothing
  std::vector<int32_t> unused_;  // pages that can be found and have no users, by last use
  int64_t num_uses_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_PAGE_POOL_H_

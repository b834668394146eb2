#include "runtime/engine/page_pool.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

// With fewer tokens in common, sequences that share no page are alike by chance or by a template's
// first words. It would not pay that all wait for one of them.
constexpr int64_t kLeastTail = kKvBlock / 4;

// The tokens of the i-th page.
std::span<const int32_t> TokensOfPage(std::span<const int32_t> tokens, int64_t i) {
  const std::span<const int32_t> rest = tokens.subspan(i * kKvBlock);
  return rest.first(std::min<size_t>(rest.size(), kKvBlock));
}

int64_t CountAlike(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

// Reserved memory that is not used yet costs nothing.
PagePool::PagePool(int64_t num_pages, bool shares) : num_pages_(num_pages), shares_(shares) {
  pages_.reserve(num_pages);
  free_.reserve(num_pages);
  if (!shares) return;
  index_.reserve(num_pages);
  unused_.reserve(num_pages);
}

std::vector<int32_t>::const_iterator PagePool::LowerBound(const Key& key) const {
  return std::ranges::lower_bound(
      index_, key,
      [](const Key& a, const Key& b) {
        if (a.parent != b.parent) return a.parent < b.parent;
        return std::ranges::lexicographical_compare(a.tokens, b.tokens);
      },
      [this](int32_t page) { return KeyOf(page); });
}

int32_t PagePool::FindWhole(int32_t parent, std::span<const int32_t> tokens) const {
  const auto found = LowerBound({parent, tokens});
  if (found == index_.end() || pages_[*found].parent != parent) return kNoPage;
  return std::ranges::equal(pages_[*found].known(), tokens) ? *found : kNoPage;
}

PagePool::Found PagePool::Find(std::span<const int32_t> tokens) const {
  Found found;
  int32_t page = kNoPage;
  for (int64_t i = 0; (i + 1) * kKvBlock <= std::ssize(tokens); ++i) {
    page = FindWhole(page, TokensOfPage(tokens, i));
    if (page == kNoPage) break;
    ++found.num_pages;
    if (pages_[page].num_users > 0) ++found.num_in_use;
  }
  return found;
}

void PagePool::Share(std::span<const int32_t> tokens, PageTable& table) {
  OCTET_CHECK(table.pages.empty());
  const int64_t num_found = Find(tokens).num_pages;
  for (int64_t i = 0; i < num_found; ++i) {
    table.pages.push_back(FindWhole(Parent(table, i), TokensOfPage(tokens, i)));
    Use(table.pages.back());
  }
  table.num_shared = num_found;
  table.num_indexed = num_found;
}

bool PagePool::Grow(int64_t num_tokens, PageTable& table) {
  const int64_t more = KvCache::PagesFor(num_tokens) - std::ssize(table.pages);
  if (more > num_free()) return false;
  for (int64_t i = 0; i < more; ++i) table.pages.push_back(Take());
  return true;
}

void PagePool::Index(std::span<const int32_t> tokens, int64_t writer, PageTable& table) {
  if (!shares_) return;
  for (int64_t i = table.num_indexed; i * kKvBlock < std::ssize(tokens); ++i) {
    const std::span<const int32_t> of_page = TokensOfPage(tokens, i);
    Page& page = pages_[table.pages[i]];
    // If another page holds the same, what follows can be found behind that one alone.
    if (!Enter(table.pages[i], {Parent(table, i), of_page})) return;
    page.num_ready = static_cast<int32_t>(
        std::clamp<int64_t>(table.num_ready - i * kKvBlock, 0, page.num_tokens));
    page.writer = page.num_ready < kKvBlock ? writer : kNobody;
    if (std::ssize(of_page) < kKvBlock) return;
    table.num_indexed = i + 1;
  }
}

void PagePool::Advance(std::span<const int32_t> tokens, int64_t num_computed, int64_t writer,
                       PageTable& table) {
  if (!shares_) return;
  for (int64_t i = table.num_ready / kKvBlock; i * kKvBlock < num_computed; ++i) {
    Page& page = pages_[table.pages[i]];
    if (page.writer != writer) continue;
    page.num_ready =
        static_cast<int32_t>(std::min<int64_t>(num_computed - i * kKvBlock, page.num_tokens));
    if (page.num_ready == kKvBlock) page.writer = kNobody;
  }
  table.num_ready = num_computed;
  const int64_t whole = std::min(num_computed, std::ssize(tokens)) / kKvBlock;
  if (whole > table.num_indexed) Index(tokens.first(whole * kKvBlock), writer, table);
}

int64_t PagePool::CountReady(const PageTable& table) const {
  int64_t i = 0;
  while (i < table.num_shared && pages_[table.pages[i]].num_ready == kKvBlock) ++i;
  return i * kKvBlock + (i < table.num_shared ? pages_[table.pages[i]].num_ready : 0);
}

int64_t PagePool::Claim(int64_t position, int64_t writer, const PageTable& table) {
  int64_t i = position / kKvBlock;
  for (; i < table.num_shared; ++i) {
    Page& page = pages_[table.pages[i]];
    if (page.writer != kNobody && page.writer != writer) break;
    page.writer = writer;
  }
  return std::max(position, i * kKvBlock);
}

PagePool::Tail PagePool::FindTail(std::span<const int32_t> tokens, int64_t reader,
                                  const PageTable& table) const {
  Tail best;
  if (std::ssize(tokens) <= table.shared_tokens()) return best;
  const std::span<const int32_t> wanted = TokensOfPage(tokens, table.num_shared);
  const int32_t parent = Parent(table, table.num_shared);
  int64_t oldest = kNobody;  // the writer of the best page
  // Returns whether a page that is no more alike can be better.
  const auto consider = [&](int32_t candidate) {
    const Page& page = pages_[candidate];
    if (candidate == table.pages[table.num_shared]) return true;
    const int64_t alike = page.parent == parent ? CountAlike(page.known(), wanted) : 0;
    if (alike == 0 || alike < best.num_tokens) return false;
    const int64_t ready = std::min<int64_t>(alike, page.num_ready);
    const int64_t usable = page.writer != kNobody && page.writer < reader ? alike : ready;
    if (std::tuple(usable, ready, -page.writer) >
        std::tuple(best.num_tokens, best.num_ready, -oldest)) {
      best = {candidate, usable, ready};
      oldest = page.writer;
    }
    return ready < alike;
  };
  // In the order of the index, pages are the less alike the farther they are from where the tokens
  // would be.
  const auto place = LowerBound({parent, wanted});
  for (auto next = place; next != index_.end() && consider(*next);) ++next;
  for (auto next = place; next != index_.begin() && consider(*(next - 1));) --next;
  return best.num_tokens >= (table.num_shared > 0 ? 1 : kLeastTail) ? best : Tail();
}

void PagePool::Release(std::span<const int32_t> tokens, int64_t num_computed, int64_t writer,
                       PageTable& table) {
  Advance(tokens, num_computed, writer, table);
  Index(tokens.first(std::min<size_t>(tokens.size(), num_computed)), writer, table);
  for (int64_t i = std::ssize(table.pages); i-- > 0;) {
    Page& page = pages_[table.pages[i]];
    if (page.writer == writer) page.writer = kNobody;
    if (--page.num_users == 0) Drop(table.pages[i]);
  }
  table = {.pages = std::move(table.pages)};
  table.pages.clear();
}

void PagePool::Forget() {
  for (const int32_t page : unused_) {
    Leave(page);
    free_.push_back(page);
  }
  unused_.clear();
}

// Returns false, and lets the page not be found, if another one holds these tokens.
bool PagePool::Enter(int32_t page, const Key& key) {
  Leave(page);
  const auto place = LowerBound(key);
  if (place != index_.end() && pages_[*place].parent == key.parent &&
      std::ranges::equal(pages_[*place].known(), key.tokens)) {
    return false;
  }
  Page& entered = pages_[page];
  entered.parent = key.parent;
  entered.num_tokens = static_cast<int32_t>(key.tokens.size());
  std::ranges::copy(key.tokens, entered.tokens.begin());
  index_.insert(place, page);
  return true;
}

void PagePool::Leave(int32_t page) {
  if (pages_[page].num_tokens == 0) return;
  index_.erase(LowerBound(KeyOf(page)));
  pages_[page].num_tokens = 0;
  pages_[page].num_ready = 0;
  pages_[page].writer = kNobody;
}

auto PagePool::Unused(int32_t page) {
  return std::ranges::lower_bound(unused_, pages_[page].released, {},
                                  [this](int32_t p) { return pages_[p].released; });
}

void PagePool::Use(int32_t page) {
  if (pages_[page].num_users++ == 0) unused_.erase(Unused(page));
}

// The page has lost its last user. Only what is computed can be found from now on.
void PagePool::Drop(int32_t page) {
  Page& p = pages_[page];
  if (p.num_ready < p.num_tokens) {
    const std::array<int32_t, kKvBlock> tokens = p.tokens;
    const int32_t num_ready = p.num_ready;
    Leave(page);
    if (num_ready > 0 && Enter(page, {p.parent, std::span(tokens).first(num_ready)})) {
      p.num_ready = num_ready;
    }
  }
  if (p.num_tokens == 0) return free_.push_back(page);
  p.released = ++num_uses_;
  unused_.push_back(page);
}

int32_t PagePool::Take() {
  OCTET_CHECK(num_free() > 0) << "more pages than the KV cache holds";
  auto page = static_cast<int32_t>(pages_.size());
  if (!free_.empty()) {
    page = free_.back();
    free_.pop_back();
  } else if (page < num_pages_) {
    pages_.emplace_back();
  } else {
    page = unused_.front();
    unused_.erase(unused_.begin());
    Leave(page);
  }
  pages_[page].num_users = 1;
  return page;
}

}  // namespace octet

#include "runtime/engine/page_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

using testing::ElementsAre;

std::vector<int32_t> Tokens(int64_t count, int32_t first = 0) {
  std::vector<int32_t> tokens(count);
  for (int64_t i = 0; i < count; ++i) tokens[i] = first + static_cast<int32_t>(i);
  return tokens;
}

// A table with all pages of these tokens, as a sequence has it that begins.
PageTable Begin(PagePool& pool, const std::vector<int32_t>& tokens, int64_t id) {
  PageTable table;
  pool.Share(std::span(tokens).first(tokens.size() - 1), table);
  EXPECT_TRUE(pool.Grow(std::ssize(tokens), table));
  pool.Index(tokens, id, table);
  return table;
}

void End(PagePool& pool, const std::vector<int32_t>& tokens, int64_t id, PageTable& table) {
  pool.Release(tokens, std::ssize(tokens), id, table);
}

TEST(PagePoolTest, WithoutSharingNothingIsFound) {
  PagePool pool(4, false);
  const std::vector<int32_t> tokens = Tokens(70);
  PageTable table = Begin(pool, tokens, 0);
  EXPECT_THAT(table.pages, ElementsAre(0, 1, 2));
  EXPECT_EQ(pool.num_free(), 1);
  EXPECT_FALSE(pool.Grow(129, table));
  EXPECT_EQ(table.pages.size(), 3U);
  pool.Advance(tokens, 70, 0, table);
  EXPECT_EQ(pool.Find(tokens).num_pages, 0);
  End(pool, tokens, 0, table);
  EXPECT_EQ(pool.num_free(), 4);
  EXPECT_EQ(pool.Find(tokens).num_pages, 0);
}

// Pages are shared before they are computed, and have one writer.
TEST(PagePoolTest, SequencesThatBeginTogetherShare) {
  PagePool pool(10, true);
  const std::vector<int32_t> tokens = Tokens(70);
  PageTable first = Begin(pool, tokens, 0);
  PageTable second = Begin(pool, tokens, 1);
  EXPECT_EQ(pool.num_free(), 6);
  EXPECT_THAT(second.pages, ElementsAre(first.pages[0], first.pages[1], 3));
  EXPECT_EQ(second.num_shared, 2);
  EXPECT_EQ(pool.CountReady(second), 0);
  EXPECT_EQ(pool.Claim(0, 1, second), 0) << "the first one writes";
  pool.Advance(tokens, 40, 0, first);
  EXPECT_EQ(pool.CountReady(second), 40);
  EXPECT_EQ(pool.Claim(40, 1, second), 40);
  // The first one gives way: the second one goes on.
  pool.Release(tokens, 40, 0, first);
  EXPECT_EQ(pool.CountReady(second), 40);
  EXPECT_EQ(pool.Claim(40, 1, second), 64);
  PageTable third = Begin(pool, tokens, 2);
  EXPECT_EQ(third.num_shared, 2);
  EXPECT_EQ(pool.Claim(40, 2, third), 40);
  pool.Advance(tokens, 70, 1, second);
  EXPECT_EQ(pool.CountReady(third), 64);
}

TEST(PagePoolTest, ATailIsWhatAnotherPageBeginsWith) {
  PagePool pool(10, true);
  const std::vector<int32_t> tokens = Tokens(70);
  PageTable first = Begin(pool, tokens, 0);
  PageTable second = Begin(pool, tokens, 1);
  const std::span<const int32_t> all_but_last = std::span(tokens).first(69);
  PagePool::Tail tail = pool.FindTail(all_but_last, 1, second);
  EXPECT_EQ(tail.page, first.pages[2]);
  EXPECT_EQ(tail.num_tokens, 5);
  EXPECT_EQ(tail.num_ready, 0);
  EXPECT_EQ(pool.FindTail(all_but_last, -1, second).num_tokens, 0)
      << "nobody waits for younger ones";
  pool.Advance(tokens, 68, 0, first);
  EXPECT_EQ(pool.FindTail(all_but_last, 1, second).num_ready, 4);
  pool.Release(tokens, 68, 0, first);
  tail = pool.FindTail(all_but_last, 1, second);
  EXPECT_EQ(tail.num_tokens, 4) << "what nobody computes is not found";
  // Without a page in common, a few tokens do not count.
  std::vector<int32_t> other = Tokens(20);
  other[7] = -1;
  EXPECT_EQ(pool.FindTail(other, 2, Begin(pool, other, 2)).num_tokens, 0);
  other = Tokens(20);
  other[8] = -1;
  EXPECT_EQ(pool.FindTail(other, 3, Begin(pool, other, 3)).num_tokens, 8);
}

TEST(PagePoolTest, TheLeastRecentlyUsedGoFirstAndLastPagesBeforeFirst) {
  PagePool pool(6, true);
  const std::vector<int32_t> a = Tokens(96, 0);
  const std::vector<int32_t> b = Tokens(96, 1000);
  PageTable of_a = Begin(pool, a, 0);
  PageTable of_b = Begin(pool, b, 1);
  End(pool, a, 0, of_a);
  End(pool, b, 1, of_b);
  EXPECT_EQ(pool.num_free(), 6);
  EXPECT_EQ(pool.Find(a).num_pages, 3);
  EXPECT_EQ(pool.Find(b).num_pages, 3);
  PageTable other;
  ASSERT_TRUE(pool.Grow(kKvBlock, other));
  EXPECT_EQ(pool.Find(a).num_pages, 2);
  PageTable again = Begin(pool, a, 3);  // of which the third page is computed again
  EXPECT_EQ(again.num_shared, 2);
  EXPECT_EQ(pool.Find(b).num_pages, 2) << "older than the rest of a";
  EXPECT_EQ(pool.num_free(), 2);
}

TEST(PagePoolTest, WhatIsForgottenIsNotFound) {
  PagePool pool(4, true);
  const std::vector<int32_t> tokens = Tokens(70);
  PageTable first = Begin(pool, tokens, 0);
  End(pool, tokens, 0, first);
  EXPECT_EQ(pool.Find(tokens).num_pages, 2);
  pool.Forget();
  EXPECT_EQ(pool.Find(tokens).num_pages, 0);
  EXPECT_EQ(pool.num_free(), 4);
  PageTable second = Begin(pool, tokens, 1);
  EXPECT_EQ(second.num_shared, 0);
}

// Operations at random, against a model that is a list of what each page was given.
class PagePoolModel {
 public:
  explicit PagePoolModel(uint32_t seed)
      : random_(seed), num_pages_(Draw(4, 24)), pool_(num_pages_, true) {}

  void Step() {
    const int what = Draw(0, 9);
    if (what < 4) return Start();
    if (sequences_.empty()) return;
    auto s = std::next(sequences_.begin(), Draw(0, static_cast<int>(sequences_.size()) - 1));
    if (what < 8) return Compute(s->first, s->second);
    pool_.Release(s->second.tokens, s->second.num_computed, s->first, s->second.table);
    EXPECT_TRUE(s->second.table.pages.empty());
    sequences_.erase(s);
  }

  void Check() const {
    std::map<int32_t, int> users;
    for (const auto& [id, s] : sequences_) {
      std::set<int32_t> own;
      for (const int32_t page : s.table.pages) {
        EXPECT_TRUE(own.insert(page).second) << "twice in a table";
        ++users[page];
      }
    }
    EXPECT_EQ(pool_.num_free() + std::ssize(users), num_pages_);
  }

  int64_t num_found() const { return num_found_; }

 private:
  struct Sequence {
    std::vector<int32_t> tokens;
    int64_t num_computed = 0;
    PageTable table;
  };

  int Draw(int least, int most) { return least + static_cast<int>(random_() % (most - least + 1)); }

  // Few different tokens, so that sequences begin alike.
  void Start() {
    Sequence s;
    const int length = Draw(1, 130);
    for (int i = 0; i < length; ++i) s.tokens.push_back(i % 20 == 0 ? Draw(0, 1) : i);
    const auto findable = std::span(s.tokens).first(length - 1);
    const PagePool::Found found = pool_.Find(findable);
    if (pool_.num_free() + found.num_in_use < KvCache::PagesFor(length)) return;
    pool_.Share(findable, s.table);
    EXPECT_EQ(s.table.num_shared, found.num_pages);
    EXPECT_TRUE(pool_.Grow(length, s.table));
    pool_.Index(s.tokens, next_id_, s.table);
    sequences_[next_id_++] = std::move(s);
  }

  void Compute(int64_t id, Sequence& s) {
    const int64_t shared = s.table.shared_tokens();
    int64_t end = std::ssize(s.tokens);
    if (s.num_computed <= shared) {
      const int64_t ready = pool_.CountReady(s.table);
      for (int64_t p = s.num_computed; p < ready; ++p) ExpectHeld(s, p);
      num_found_ += std::max<int64_t>(0, ready - s.num_computed);
      s.num_computed = std::max(s.num_computed, ready);
    }
    if (s.num_computed < shared) end = pool_.Claim(s.num_computed, id, s.table);
    if (s.num_computed == shared) CopyTail(id, s);
    if (end >= shared) end = std::ssize(s.tokens);
    end = std::min(end, s.num_computed + Draw(1, 50));
    for (int64_t p = s.num_computed; p < end; ++p) {
      std::vector<int32_t>& held = held_[s.table.pages[p / kKvBlock]];
      held.resize(p % kKvBlock);
      held.push_back(s.tokens[p]);
    }
    s.num_computed = std::max(s.num_computed, end);
    pool_.Advance(s.tokens, s.num_computed, id, s.table);
  }

  void CopyTail(int64_t id, Sequence& s) {
    const auto tail = pool_.FindTail(std::span(s.tokens).first(s.tokens.size() - 1), id, s.table);
    if (tail.num_ready == 0) return;
    const std::vector<int32_t> from = held_[tail.page];
    ASSERT_GE(std::ssize(from), tail.num_ready);
    held_[s.table.pages[s.table.num_shared]].assign(from.begin(), from.begin() + tail.num_ready);
    for (int64_t i = 0; i < tail.num_ready; ++i) ExpectHeld(s, s.num_computed + i);
    s.num_computed += tail.num_ready;
    num_found_ += tail.num_ready;
  }

  // The page that a sequence believes to have its token has it, behind the right ones.
  void ExpectHeld(const Sequence& s, int64_t position) {
    const std::vector<int32_t>& held = held_[s.table.pages[position / kKvBlock]];
    ASSERT_GT(std::ssize(held), position % kKvBlock);
    ASSERT_EQ(held[position % kKvBlock], s.tokens[position]) << position;
  }

  std::mt19937 random_;
  const int64_t num_pages_;
  PagePool pool_;
  int64_t next_id_ = 0;
  std::map<int64_t, Sequence> sequences_;
  std::map<int32_t, std::vector<int32_t>> held_;  // by page: the tokens that were computed into it
  int64_t num_found_ = 0;
};

TEST(PagePoolTest, PagesHoldWhatIsFoundInThem) {
  int64_t found = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    PagePoolModel model(seed);
    for (int i = 0; i < 400; ++i) {
      model.Step();
      model.Check();
      if (testing::Test::HasFailure()) return;
    }
    found += model.num_found();
  }
  EXPECT_GT(found, 10000);
}

}  // namespace
}  // namespace octet

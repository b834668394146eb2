#include "parallel/dispatch/even_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <set>

namespace octet {
namespace {

using testing::ElementsAre;

struct Item {
  int64_t rows;
  std::vector<int32_t> bins;
};

// By the theorem of min cut and max flow: some set of bins must take all items that fit nowhere
// else, so that its fullest has at least their mean.
int64_t LeastMaximum(const std::vector<Item>& items, int num_bins) {
  int64_t least = 0;
  for (uint32_t set = 1; set < 1U << num_bins; ++set) {
    int64_t rows = 0;
    for (const Item& item : items) {
      const bool must = std::all_of(item.bins.begin(), item.bins.end(),
                                    [set](int32_t bin) { return (set >> bin & 1) != 0; });
      if (must) rows += item.rows;
    }
    const int64_t bins = std::popcount(set);
    least = std::max(least, (rows + bins - 1) / bins);
  }
  return least;
}

TEST(EvenSplit, FullestBinIsAsEmptyAsCanBe) {
  std::mt19937 random(1);
  EvenSplit split;
  for (int round = 0; round < 2000; ++round) {
    const int num_bins = 1 + static_cast<int>(random() % 8);
    std::vector<Item> items(random() % 12);
    split.Begin(num_bins);
    for (Item& item : items) {
      item.rows = static_cast<int64_t>(random() % 2 == 0 ? random() % 4 : random() % 1000);
      std::set<int32_t> bins;
      for (uint32_t i = 0; i <= random() % 4; ++i)
        bins.insert(static_cast<int32_t>(random() % num_bins));
      item.bins.assign(bins.begin(), bins.end());
      split.AddItem(item.rows, item.bins);
    }
    split.Divide();
    std::vector<int64_t> loads(num_bins);
    for (size_t i = 0; i < items.size(); ++i) {
      const auto rows = split.rows(static_cast<int64_t>(i));
      ASSERT_EQ(rows.size(), items[i].bins.size());
      EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), int64_t{0}), items[i].rows);
      for (size_t b = 0; b < rows.size(); ++b) {
        EXPECT_GE(rows[b], 0);
        loads[items[i].bins[b]] += rows[b];
      }
    }
    EXPECT_TRUE(std::ranges::equal(split.loads(), loads));
    EXPECT_EQ(*std::max_element(loads.begin(), loads.end()), LeastMaximum(items, num_bins))
        << round;
  }
}

// Rows of the first item can be relieved only through those of the second.
TEST(EvenSplit, MovesRowsAlongAPath) {
  EvenSplit split;
  split.Begin(3);
  split.AddItem(6, std::vector<int32_t>{0});
  split.AddItem(6, std::vector<int32_t>{0, 1});
  split.AddItem(6, std::vector<int32_t>{1, 2});
  split.Divide();
  EXPECT_THAT(split.loads(), ElementsAre(6, 6, 6));
  EXPECT_THAT(split.rows(1), ElementsAre(0, 6));
  EXPECT_THAT(split.rows(2), ElementsAre(0, 6));
}

}  // namespace
}  // namespace octet

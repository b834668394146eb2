#include "runtime/model/kv_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ModelConfig CacheConfig() {
  ModelConfig config;
  config.num_layers = 3;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 24;  // a value row is padded to 32
  return config;
}

class KvCacheTest : public testing::TestWithParam<DType> {
 protected:
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().front(), 1);
};

TEST_P(KvCacheTest, PageBytes) {
  const size_t element = SizeOf(GetParam());
  EXPECT_EQ(KvCache::PageBytes(CacheConfig(), GetParam()), 3U * 2 * kKvBlock * (24 + 32) * element);
}

TEST_P(KvCacheTest, PagesFor) {
  EXPECT_EQ(KvCache::PagesFor(0), 0);
  EXPECT_EQ(KvCache::PagesFor(1), 1);
  EXPECT_EQ(KvCache::PagesFor(kKvBlock), 1);
  EXPECT_EQ(KvCache::PagesFor(kKvBlock + 1), 2);
  EXPECT_EQ(KvCache::PagesFor(int64_t{1} << 40), (int64_t{1} << 40) / kKvBlock);
}

TEST_P(KvCacheTest, GrowsByWholePagesAndOnlyWhenNeeded) {
  KvCache cache(*backend_, CacheConfig(), GetParam(), 4);
  EXPECT_EQ(cache.num_pages(), 4);
  EXPECT_EQ(cache.num_free_pages(), 4);
  std::vector<int32_t> pages;
  cache.Grow(pages, 0);
  EXPECT_THAT(pages, IsEmpty());
  cache.Grow(pages, 1);
  cache.Grow(pages, kKvBlock);
  EXPECT_THAT(pages, ElementsAre(0));
  cache.Grow(pages, kKvBlock + 1);
  EXPECT_THAT(pages, ElementsAre(0, 1));
  cache.Grow(pages, 1);  // never shrinks
  EXPECT_THAT(pages, ElementsAre(0, 1));
  cache.Grow(pages, 4 * kKvBlock);
  EXPECT_EQ(cache.num_free_pages(), 0);
}

TEST_P(KvCacheTest, NoPageHasTwoOwners) {
  KvCache cache(*backend_, CacheConfig(), GetParam(), 10);
  std::vector<std::vector<int32_t>> sequences(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int32_t>& pages = sequences[round * 7 % 4];
    if (round % 5 == 4) {
      cache.Release(pages);
      EXPECT_THAT(pages, IsEmpty());
    } else if (cache.num_free_pages() > 0) {
      cache.Grow(pages, (std::ssize(pages) + 1) * kKvBlock);
    }
    std::set<int32_t> owned;
    for (const auto& s : sequences) {
      for (const int32_t page : s) {
        EXPECT_TRUE(page >= 0 && page < 10);
        EXPECT_TRUE(owned.insert(page).second) << page;
      }
    }
    EXPECT_EQ(std::ssize(owned) + cache.num_free_pages(), 10);
  }
}

// Every byte of every (layer, page, head) lies in the buffer, and in no other's.
TEST_P(KvCacheTest, LayersAndPagesDoNotOverlap) {
  constexpr int kPages = 3;
  KvCache cache(*backend_, CacheConfig(), GetParam(), kPages);
  const size_t head_bytes = KvBlocks::HeadBytes(24, GetParam());
  uint8_t mark = 0;
  for (int layer = 0; layer < 3; ++layer) {
    const KvBlocks blocks = cache.layer(layer);
    EXPECT_EQ(blocks.dtype, GetParam());
    EXPECT_EQ(blocks.num_kv_heads, 2);
    EXPECT_EQ(blocks.head_dim, 24);
    for (int page = 0; page < kPages; ++page) {
      for (int head = 0; head < 2; ++head) {
        std::memset(blocks.keys(page, head), ++mark, head_bytes);
      }
    }
  }
  mark = 0;
  for (int layer = 0; layer < 3; ++layer) {
    const KvBlocks blocks = cache.layer(layer);
    for (int page = 0; page < kPages; ++page) {
      for (int head = 0; head < 2; ++head) {
        ++mark;
        const std::byte* data = blocks.keys(page, head);
        for (size_t i = 0; i < head_bytes; ++i) ASSERT_EQ(data[i], std::byte{mark});
        EXPECT_EQ(blocks.values(page, head) - data, 24 * kKvBlock * SizeOf(GetParam()));
      }
    }
  }
}

TEST_P(KvCacheTest, PagesThatNobodyTouchedTakeNoMemory) {
  // 24 TiB of float32, and half of it in bfloat16: more than any machine that runs this has.
  ModelConfig config;
  const size_t page_bytes = KvCache::PageBytes(config, DType::kF32);
  const auto pages = static_cast<int64_t>((size_t{24} << 40) / page_bytes);
  KvCache cache(*backend_, config, GetParam(), pages);
  EXPECT_EQ(cache.num_free_pages(), pages);
  *cache.layer(31).values(pages - 1, 7) = std::byte{1};
}

TEST_P(KvCacheTest, RunningOutIsABug) {
  KvCache cache(*backend_, CacheConfig(), GetParam(), 2);
  std::vector<int32_t> pages;
  EXPECT_DEATH(cache.Grow(pages, 3 * kKvBlock), "more than the KV cache holds");
}

INSTANTIATE_TEST_SUITE_P(DTypes, KvCacheTest, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet

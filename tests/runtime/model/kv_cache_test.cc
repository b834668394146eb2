#include "runtime/model/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

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

// In all layers, and nothing but the page.
TEST_P(KvCacheTest, CopiesAPage) {
  constexpr int kPages = 3;
  KvCache cache(*backend_, CacheConfig(), GetParam(), kPages);
  const size_t page_bytes = 2 * KvBlocks::HeadBytes(24, GetParam());
  const auto fill = [](int layer, int page) { return 1 + 16 * layer + page; };
  for (int layer = 0; layer < 3; ++layer) {
    for (int page = 0; page < kPages; ++page) {
      std::memset(cache.layer(layer).keys(page, 0), fill(layer, page), page_bytes);
    }
  }
  cache.Copy(2, 0);
  for (int layer = 0; layer < 3; ++layer) {
    for (int page = 0; page < kPages; ++page) {
      const std::byte expected{static_cast<uint8_t>(fill(layer, page == 0 ? 2 : page))};
      const std::byte* data = cache.layer(layer).keys(page, 0);
      for (size_t i = 0; i < page_bytes; ++i) ASSERT_EQ(data[i], expected) << layer << ' ' << page;
    }
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
  EXPECT_EQ(cache.num_pages(), pages);
  *cache.layer(31).values(pages - 1, 7) = std::byte{1};
}

TEST_P(KvCacheTest, APageThatThereIsNotIsABug) {
  KvCache cache(*backend_, CacheConfig(), GetParam(), 2);
  EXPECT_DEATH(cache.Copy(0, 2), "failed");
}

INSTANTIATE_TEST_SUITE_P(DTypes, KvCacheTest, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet

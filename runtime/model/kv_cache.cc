#include "runtime/model/kv_cache.h"

#include <numeric>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

size_t LayerPageBytes(const ModelConfig& config, DType dtype) {
  return static_cast<size_t>(config.num_kv_heads) * KvBlocks::HeadBytes(config.head_dim, dtype);
}

}  // namespace

KvCache::KvCache(Backend& backend, const ModelConfig& config, DType dtype, int64_t num_pages)
    : backend_(backend),
      num_pages_(num_pages),
      layer_bytes_(static_cast<size_t>(num_pages) * LayerPageBytes(config, dtype)),
      num_layers_(config.num_layers),
      // Untouched pages take no memory.
      buffer_(backend.Allocate(layer_bytes_ * static_cast<size_t>(config.num_layers))) {
  blocks_ = {.pages = buffer_.data(),
             .page_bytes = LayerPageBytes(config, dtype),
             .dtype = dtype,
             .num_kv_heads = config.num_kv_heads,
             .head_dim = config.head_dim};
}

size_t KvCache::PageBytes(const ModelConfig& config, DType dtype) {
  return LayerPageBytes(config, dtype) * static_cast<size_t>(config.num_layers);
}

void KvCache::Copy(int32_t from, int32_t to) {
  OCTET_CHECK(from >= 0 && from < num_pages_ && to >= 0 && to < num_pages_) << from << ' ' << to;
  const auto cols = static_cast<int64_t>(KvBlocks::HeadBytes(blocks_.head_dim, blocks_.dtype) /
                                         SizeOf(blocks_.dtype));
  std::vector<int32_t> heads(blocks_.num_kv_heads);
  std::iota(heads.begin(), heads.end(), 0);
  for (int l = 0; l < num_layers_; ++l) {
    const KvBlocks blocks = layer(l);
    const auto page = [&](int32_t p) {
      return Matrix{blocks.keys(p, 0), blocks.dtype, blocks.num_kv_heads, cols, cols};
    };
    backend_.GatherRows(page(from), heads, page(to));
  }
}

KvBlocks KvCache::layer(int layer) const {
  KvBlocks blocks = blocks_;
  blocks.pages += static_cast<size_t>(layer) * layer_bytes_;
  return blocks;
}

}  // namespace octet

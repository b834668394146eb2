#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

size_t LayerPageBytes(const ModelConfig& config, DType dtype) {
  return static_cast<size_t>(config.num_kv_heads) * KvBlocks::HeadBytes(config.head_dim, dtype);
}

}  // namespace

KvCache::KvCache(Backend& backend, const ModelConfig& config, DType dtype, int64_t num_pages)
    : num_pages_(num_pages),
      layer_bytes_(static_cast<size_t>(num_pages) * LayerPageBytes(config, dtype)),
      // Untouched pages take no memory.
      buffer_(backend.Allocate(layer_bytes_ * static_cast<size_t>(config.num_layers))) {
  blocks_ = {.pages = buffer_.data(),
             .page_bytes = LayerPageBytes(config, dtype),
             .dtype = dtype,
             .num_kv_heads = config.num_kv_heads,
             .head_dim = config.head_dim};
  for (int64_t page = num_pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
}

size_t KvCache::PageBytes(const ModelConfig& config, DType dtype) {
  return LayerPageBytes(config, dtype) * static_cast<size_t>(config.num_layers);
}

void KvCache::Grow(std::vector<int32_t>& pages, int64_t num_tokens) {
  while (std::ssize(pages) < PagesFor(num_tokens)) {
    OCTET_CHECK(!free_.empty()) << "the scheduler admitted more than the KV cache holds";
    pages.push_back(free_.back());
    free_.pop_back();
  }
}

void KvCache::Release(std::vector<int32_t>& pages) {
  free_.insert(free_.end(), pages.rbegin(), pages.rend());
  pages.clear();
}

KvBlocks KvCache::layer(int layer) const {
  KvBlocks blocks = blocks_;
  blocks.pages += static_cast<size_t>(layer) * layer_bytes_;
  return blocks;
}

}  // namespace octet

// The keys and values of the sequences of one rank.

#ifndef OCTET_RUNTIME_MODEL_KV_CACHE_H_
#define OCTET_RUNTIME_MODEL_KV_CACHE_H_

#include <cstdint>
#include <vector>

#include "kernels/base/backend.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// The KV cache of one rank, in pages of kKvBlock positions. A page covers all layers: page p of a
// sequence is page p of every layer.
class KvCache {
 public:
  KvCache(Backend& backend, const ModelConfig& config, DType dtype, int64_t num_pages);

  // Returns the number of pages that hold `num_tokens` positions.
  static int64_t PagesFor(int64_t num_tokens) { return (num_tokens + kKvBlock - 1) / kKvBlock; }

  // Returns the bytes of one page in all layers.
  static size_t PageBytes(const ModelConfig& config, DType dtype);

  // Takes free pages until `pages` holds `num_tokens` positions. There must be enough free pages:
  // the scheduler counts them.
  void Grow(std::vector<int32_t>& pages, int64_t num_tokens);

  // Returns all pages to the cache.
  void Release(std::vector<int32_t>& pages);

  KvBlocks layer(int layer) const;

  int64_t num_pages() const { return num_pages_; }
  int64_t num_free_pages() const { return static_cast<int64_t>(free_.size()); }

 private:
  int64_t num_pages_;
  KvBlocks blocks_;  // of layer 0
  size_t layer_bytes_;
  Buffer buffer_;
  std::vector<int32_t> free_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_KV_CACHE_H_

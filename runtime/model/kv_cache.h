// The keys and values of the sequences of one rank.

#ifndef OCTET_RUNTIME_MODEL_KV_CACHE_H_
#define OCTET_RUNTIME_MODEL_KV_CACHE_H_

#include <cstdint>

#include "kernels/base/backend.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// The KV cache of one rank, in pages of kKvBlock positions. A page covers all layers: page p of a
// sequence is page p of every layer. The scheduler says which sequences have which pages.
class KvCache {
 public:
  KvCache(Backend& backend, const ModelConfig& config, DType dtype, int64_t num_pages);

  // Returns the number of pages that hold `num_tokens` positions.
  static int64_t PagesFor(int64_t num_tokens) { return (num_tokens + kKvBlock - 1) / kKvBlock; }

  // Returns the bytes of one page in all layers.
  static size_t PageBytes(const ModelConfig& config, DType dtype);

  // Copies page `from` to page `to`, as an operation of the backend.
  void Copy(int32_t from, int32_t to);

  KvBlocks layer(int layer) const;

  int64_t num_pages() const { return num_pages_; }

 private:
  Backend& backend_;
  int64_t num_pages_;
  KvBlocks blocks_;  // of layer 0
  size_t layer_bytes_;
  int num_layers_;
  Buffer buffer_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_KV_CACHE_H_

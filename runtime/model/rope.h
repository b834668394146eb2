// The angles of rotary position embedding.

#ifndef OCTET_RUNTIME_MODEL_ROPE_H_
#define OCTET_RUNTIME_MODEL_ROPE_H_

#include <cstdint>

#include "kernels/base/backend.h"
#include "runtime/checkpoint/rope_scaling.h"

namespace octet {

// The tables of cos and sin of position * theta^(-2i / head_dim) for 0 <= i < head_dim / 2, or of
// these angles as `scaling` changes them. Angles are rounded to float32 as in transformers
// (modeling_mixtral.py, MixtralRotaryEmbedding).
class Rope {
 public:
  Rope(Backend& backend, int head_dim, double theta, int64_t max_positions,
       const RopeScaling& scaling = {});
  Rope(const Rope&) = delete;
  Rope& operator=(const Rope&) = delete;

  const RopeTable& table() const { return table_; }

 private:
  Buffer cos_;
  Buffer sin_;
  RopeTable table_;  // [max_positions, head_dim / 2], each
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ROPE_H_

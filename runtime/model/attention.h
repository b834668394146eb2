// Grouped-query attention of one layer.

#ifndef OCTET_RUNTIME_MODEL_ATTENTION_H_
#define OCTET_RUNTIME_MODEL_ATTENTION_H_

#include "runtime/checkpoint/weights.h"
#include "runtime/model/batch.h"
#include "runtime/model/execution_context.h"
#include "runtime/model/kv_cache.h"

namespace octet {

class Attention {
 public:
  // `rope` must have a row for every position that can occur.
  Attention(const ModelConfig& config, const LayerWeights& weights, const RopeTable& rope,
            KvBlocks kv)
      : config_(config), weights_(weights), rope_(rope), kv_(kv) {}

  // Stores the keys and values of x, and computes y = o_proj(attention(x)) of the tokens `wanted`:
  // `batch` itself, or its logit rows. x: [batch.num_tokens(), hidden_size]; y:
  // [wanted.num_tokens(), hidden_size]; y may be the first rows of x.
  void Forward(const ExecutionContext& context, ConstMatrix x, const Batch& batch,
               const Batch& wanted, Matrix y) const;

 private:
  const ModelConfig& config_;
  const LayerWeights& weights_;
  const RopeTable& rope_;
  KvBlocks kv_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ATTENTION_H_

#include "runtime/model/attention.h"

namespace octet {

void Attention::Forward(const ExecutionContext& context, ConstMatrix x, const Batch& batch,
                        const Batch& wanted, Matrix y) const {
  const PhaseClock::Scope timing(context.clock, Phase::kAttention);
  const Workspace::Scope scope(context.workspace);
  Backend& backend = context.backend;
  const int64_t q_dim = int64_t{config_.num_heads} * config_.head_dim;
  const int64_t kv_dim = int64_t{config_.num_kv_heads} * config_.head_dim;

  const Matrix qkv = context.workspace.Alloc(x.rows, q_dim + 2 * kv_dim);
  int64_t first = 0;
  for (const PackedMatrix& m : weights_.qkv_proj) {
    backend.Matmul(x, m, qkv.Cols(first, m.rows));
    first += m.rows;
  }
  const Matrix q = qkv.Cols(0, q_dim);
  const Matrix k = qkv.Cols(q_dim, kv_dim);
  const Matrix v = qkv.Cols(q_dim + kv_dim, kv_dim);
  backend.Rope(q, batch.positions, rope_);
  backend.Rope(k, batch.positions, rope_);
  backend.StoreKv(k, v, batch.spans, kv_);

  Matrix queries = q;
  if (&wanted != &batch) {
    queries = context.workspace.Alloc(y.rows, q_dim);
    backend.GatherRows(q, batch.logit_rows, queries);
  }
  const Matrix attended = context.workspace.Alloc(y.rows, q_dim);
  backend.Attention(queries, wanted.spans, kv_, config_.sliding_window.value_or(0), attended);
  backend.Matmul(attended, weights_.o_proj, y);
}

}  // namespace octet

#include "parallel/dispatcher.h"

#include <cstring>

#include "kernels/check.h"

namespace octet {
namespace {

// A routing on the wire: the number of tokens, then topk_idx, then topk_weights.
size_t WireBytes(int64_t num_tokens, int topk) {
  return sizeof(int64_t) +
         static_cast<size_t>(num_tokens * topk) * (sizeof(int32_t) + sizeof(float));
}

void Write(const Routing& routing, std::vector<std::byte>& message) {
  const size_t slots = routing.topk_idx.size();
  message.resize(WireBytes(routing.num_tokens, routing.topk));
  std::byte* p = message.data();
  std::memcpy(p, &routing.num_tokens, sizeof(int64_t));
  p += sizeof(int64_t);
  if (slots == 0) return;
  std::memcpy(p, routing.topk_idx.data(), slots * sizeof(int32_t));
  std::memcpy(p + slots * sizeof(int32_t), routing.topk_weights.data(), slots * sizeof(float));
}

void Read(std::span<const std::byte> message, int topk, Routing& routing) {
  const std::byte* p = message.data();
  routing.topk = topk;
  std::memcpy(&routing.num_tokens, p, sizeof(int64_t));
  OCTET_CHECK_EQ(message.size(), WireBytes(routing.num_tokens, topk));
  const auto slots = static_cast<size_t>(routing.num_tokens * topk);
  routing.topk_idx.resize(slots);
  routing.topk_weights.resize(slots);
  if (slots == 0) return;
  p += sizeof(int64_t);
  std::memcpy(routing.topk_idx.data(), p, slots * sizeof(int32_t));
  std::memcpy(routing.topk_weights.data(), p + slots * sizeof(int32_t), slots * sizeof(float));
}

// Consecutive rows of a dense matrix, as bytes.
Bytes RowBytes(Matrix m, int64_t first, int64_t rows) {
  return {m.row(first), static_cast<size_t>(rows) * m.row_bytes()};
}

}  // namespace

Dispatcher::Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
                       Workspace& workspace, int64_t max_tokens, DType dtype)
    : comm_(comm),
      backend_(backend),
      workspace_(workspace),
      max_tokens_(max_tokens),
      dtype_(dtype),
      routing_messages_(comm.size()),
      routing_(comm.size()),
      planner_(placement, comm.rank()),
      exchange_(comm.MakeExchange()),
      send_(comm.size()),
      recv_(comm.size()) {}

void Dispatcher::ExchangeRouting(int layer, const Routing& routing) {
  OCTET_CHECK(routing.num_tokens <= max_tokens_);
  Write(routing, routing_message_);
  for (int r = 0; r < comm_.size(); ++r) {
    routing_messages_[r].resize(WireBytes(max_tokens_, routing.topk));
    send_[r] = routing_message_;
    recv_[r] = routing_messages_[r];
  }
  const auto received = comm_.AllToAll(Traffic::kRouting, {"routing", layer}, send_, recv_);
  for (int r = 0; r < comm_.size(); ++r) {
    Read(std::span(routing_messages_[r]).first(received[r]), routing.topk, routing_[r]);
  }
}

const DispatchPlan& Dispatcher::Plan(int layer, const Routing& routing) {
  ExchangeRouting(layer, routing);
  return planner_.Plan(layer, routing_);
}

void Dispatcher::StartDispatch(int layer, ConstMatrix x, const DispatchPlan& plan) {
  const int rank = comm_.rank();
  rows_ = workspace_.AllocDense(plan.num_rows(), x.cols, dtype_);
  int64_t first = 0;
  for (int r = 0; r < comm_.size(); ++r) {
    const std::vector<int32_t>& tokens = plan.send_tokens[r];
    const auto num_tokens = std::ssize(tokens);
    if (r == rank) {
      backend_.GatherRows(x, tokens, rows_.Rows(first, num_tokens));
      send_[r] = {};
      recv_[r] = {};
    } else {
      const Matrix outgoing = workspace_.AllocDense(num_tokens, x.cols, dtype_);
      backend_.GatherRows(x, tokens, outgoing);
      send_[r] = RowBytes(outgoing, 0, num_tokens);
      recv_[r] = RowBytes(rows_, first, plan.recv_tokens[r]);
    }
    first += plan.recv_tokens[r];
  }
  comm_.Start(*exchange_, Traffic::kDispatch, {"dispatch", layer}, send_, recv_);
}

Matrix Dispatcher::FinishDispatch() {
  comm_.Finish(*exchange_);
  return rows_;
}

void Dispatcher::StartCombine(int layer, ConstMatrix out, const DispatchPlan& plan) {
  const DispatchPlan::Sums& sums = plan.returns;
  const Matrix returns = workspace_.AllocDense(std::ssize(sums.offsets) - 1, out.cols, DType::kF32);
  backend_.WeightedSum(out, sums.offsets, sums.rows, sums.weights, returns);

  int64_t num_returned = 0;
  for (const int64_t rows : plan.recv_returns) num_returned += rows;
  returned_ = workspace_.AllocDense(num_returned, out.cols, DType::kF32);
  int64_t sent = 0;
  int64_t received = 0;
  for (int r = 0; r < comm_.size(); ++r) {
    send_[r] = RowBytes(returns, sent, plan.send_returns[r]);
    recv_[r] = RowBytes(returned_, received, plan.recv_returns[r]);
    sent += plan.send_returns[r];
    received += plan.recv_returns[r];
  }
  comm_.Start(*exchange_, Traffic::kCombine, {"combine", layer}, send_, recv_);
}

void Dispatcher::FinishCombine(const DispatchPlan& plan, Matrix y) {
  comm_.Finish(*exchange_);
  backend_.WeightedSum(returned_, plan.combine.offsets, plan.combine.rows, plan.combine.weights, y);
}

}  // namespace octet

#include "parallel/dispatch/dispatcher.h"

#include <cstring>

#include "kernels/base/check.h"

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

// On a boundary of cache lines.
size_t TokenBytes(const RowLayout& layout, const DispatchLimits& limits) {
  const auto bytes =
      static_cast<size_t>(layout.num_tokens * limits.hidden_size) * SizeOf(limits.dtype);
  return (bytes + 63) / 64 * 64;
}

size_t MemoryBytes(const RowLayout& layout, const DispatchLimits& limits) {
  return TokenBytes(layout, limits) +
         static_cast<size_t>(layout.num_returns * limits.hidden_size) * sizeof(float);
}

}  // namespace

Dispatcher::HostRows Dispatcher::MapHostRows(Communicator& comm, Backend& backend,
                                             const DispatchLimits& limits) {
  const HostGroup host = FindHostGroup(comm);
  HostRows rows = {.layout = RowLayout(host, comm.size(), limits.max_tokens, limits.topk)};
  absl::StatusOr<Buffer> memory = MapHostMemory(comm, host, MemoryBytes(rows.layout, limits));
  if (memory.ok()) {
    rows.memory = *std::move(memory);
    return rows;
  }
  rows.shared = memory.status();
  const HostGroup alone = {.ranks = {comm.rank()}, .index = 0};
  rows.layout = RowLayout(alone, comm.size(), limits.max_tokens, limits.topk);
  rows.memory = backend.Allocate(MemoryBytes(rows.layout, limits));
  return rows;
}

Dispatcher::Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
                       Workspace& workspace, const DispatchLimits& limits)
    : Dispatcher(comm, placement, backend, workspace, limits, MapHostRows(comm, backend, limits)) {}

Dispatcher::Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
                       Workspace& workspace, const DispatchLimits& limits, HostRows rows)
    : comm_(comm),
      backend_(backend),
      workspace_(workspace),
      limits_(limits),
      shared_memory_(std::move(rows.shared)),
      layout_(std::move(rows.layout)),
      memory_(std::move(rows.memory)),
      tokens_{memory_.data(), limits.dtype, layout_.num_tokens, limits.hidden_size,
              limits.hidden_size},
      returns_{memory_.data() + TokenBytes(layout_, limits), DType::kF32, layout_.num_returns,
               limits.hidden_size, limits.hidden_size},
      routing_messages_(comm.size()),
      routing_(comm.size()),
      planner_(placement, comm.rank(), layout_),
      exchange_(comm.MakeExchange()),
      send_(comm.size()),
      recv_(comm.size()),
      notes_(comm.size()) {}

void Dispatcher::StageTokens(ConstMatrix x) {
  OCTET_CHECK(x.rows <= limits_.max_tokens);
  own_tokens_ = tokens_.Rows(layout_.tokens_of[comm_.rank()], x.rows);
  backend_.Convert(x, own_tokens_);
}

void Dispatcher::ExchangeRouting(int layer, const Routing& routing) {
  OCTET_CHECK(routing.num_tokens <= limits_.max_tokens);
  Write(routing, routing_message_);
  for (int r = 0; r < comm_.size(); ++r) {
    routing_messages_[r].resize(WireBytes(limits_.max_tokens, routing.topk));
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

void Dispatcher::StartDispatch(int layer, const DispatchPlan& plan) {
  int64_t come = layout_.remote_tokens;
  for (int r = 0; r < comm_.size(); ++r) {
    const std::vector<int32_t>& tokens = plan.send_tokens[r];
    send_[r] = {};
    recv_[r] = {};
    if (r == comm_.rank()) continue;
    if (layout_.OnThisHost(r)) {
      comm_.CountReadInPlace(Traffic::kDispatch, std::ssize(tokens) * own_tokens_.row_bytes());
      continue;
    }
    const Matrix outgoing =
        workspace_.AllocDense(std::ssize(tokens), limits_.hidden_size, limits_.dtype);
    backend_.GatherRows(own_tokens_, tokens, outgoing);
    send_[r] = RowBytes(outgoing, 0, outgoing.rows);
    recv_[r] = RowBytes(tokens_, come, plan.recv_tokens[r]);
    come += plan.recv_tokens[r];
  }
  comm_.Start(*exchange_, Traffic::kDispatch, {"dispatch", layer}, send_, recv_);
}

ConstMatrix Dispatcher::FinishDispatch() {
  comm_.Finish(*exchange_);
  return tokens_;
}

void Dispatcher::StartCombine(int layer, ConstMatrix out, const DispatchPlan& plan) {
  const DispatchPlan::Sums& sums = plan.returns;
  int64_t made = layout_.returns_of[comm_.rank()];
  backend_.WeightedSum(out, sums.offsets, sums.rows, sums.weights,
                       returns_.Rows(made, std::ssize(sums.offsets) - 1));
  int64_t come = layout_.remote_returns;
  for (int r = 0; r < comm_.size(); ++r) {
    send_[r] = RowBytes(returns_, made, plan.send_returns[r]);
    made += plan.send_returns[r];
    recv_[r] = {};
    if (r == comm_.rank()) {
      send_[r] = {};
    } else if (layout_.OnThisHost(r)) {
      // The first byte says that they can be read; the others are, in place.
      if (!send_[r].empty()) {
        comm_.CountReadInPlace(Traffic::kCombine, std::ssize(send_[r]) - 1);
        send_[r] = send_[r].first(1);
      }
      if (plan.recv_returns[r] > 0) recv_[r] = {&notes_[r], 1};
    } else {
      recv_[r] = RowBytes(returns_, come, plan.recv_returns[r]);
      come += plan.recv_returns[r];
    }
  }
  comm_.Start(*exchange_, Traffic::kCombine, {"combine", layer}, send_, recv_);
}

void Dispatcher::FinishCombine(const DispatchPlan& plan, Matrix y) {
  comm_.Finish(*exchange_);
  backend_.WeightedSum(returns_, plan.combine.offsets, plan.combine.rows, plan.combine.weights, y);
}

}  // namespace octet

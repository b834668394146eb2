#include "parallel/dispatch/device_dispatcher.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/exchange_plan.h"
#include "kernels/cuda/exchange_rows.h"
#include "kernels/cuda/expert_plan.h"
#include "parallel/dispatch/block_exchange.h"
#include "parallel/transport/host_group.h"

namespace octet {
namespace {

using cuda::Check;
using cuda::DevicePair;
using cuda::MessageSize;

static_assert(sizeof(MessageSize) == 3 * sizeof(float) &&
              sizeof(DevicePair) == sizeof(MessageSize));

// `count` sizes or pairs as rows.
template <class T>
Matrix AsRows(T* first, int64_t count) {
  constexpr int64_t kCols = sizeof(T) / sizeof(float);
  return {reinterpret_cast<std::byte*>(first), DType::kF32, count, kCols, kCols};
}

class DeviceDispatcher : public Dispatcher {
 public:
  DeviceDispatcher(Communicator& comm, const ExpertPlacement& placement, cuda::CudaBackend& backend,
                   Workspace& workspace, const DispatchLimits& limits, RowTransport& rows)
      : comm_(comm),
        placement_(placement),
        backend_(backend),
        workspace_(workspace),
        limits_(limits),
        rows_(rows),
        exchange_(comm, rows),
        hosts_(FindHosts(comm)),
        num_ranks_(comm.size()),
        num_experts_(placement.num_experts()) {
    const auto allocate = [&](size_t bytes) { return backend.Allocate(bytes); };
    const size_t pairs = limits.max_pairs();
    topk_idx_ = allocate(pairs * sizeof(int32_t));
    topk_weights_ = allocate(pairs * sizeof(float));
    send_row_of_ = allocate(pairs * sizeof(int32_t));
    return_of_ = allocate(pairs * sizeof(int32_t));
    num_tokens_ = allocate(sizeof(int32_t));
    for (Buffer* sizes : {&sizes_, &arrived_sizes_}) {
      *sizes = allocate(num_ranks_ * sizeof(MessageSize));
    }
    for (Buffer* starts : {&starts_, &arrived_starts_}) {
      *starts = allocate((num_ranks_ + 1) * sizeof(MessageSize));
    }
    host_sizes_ = backend.AllocateOnHost(2 * num_ranks_ * sizeof(MessageSize));
    const size_t of_layers = placement.num_layers() * num_experts_;
    owner_of_ = allocate(of_layers * sizeof(int32_t));
    local_of_ = allocate(of_layers * sizeof(int32_t));
    counts_ = allocate(of_layers * sizeof(int64_t));
    one_each_.Set(std::vector<MessageSize>(num_ranks_, {.tokens = 1, .pairs = 0, .returns = 0}));
    num_local_.resize(placement.num_layers());
    for (int l = 0; l < placement.num_layers(); ++l) ReadPlacement(l);
  }

  const absl::Status& shared_memory() const override { return has_no_need_; }
  const HostTopology& hosts() const override { return hosts_; }
  RoutingPlace routing_place() override {
    return {As<int32_t>(topk_idx_), As<float>(topk_weights_)};
  }
  void ExpertsMoved(int layer) override { ReadPlacement(layer); }
  void SetTokens(int64_t num_tokens, int64_t room) override;
  void Await() override { comm_.Wait(rows_.pending(), Traffic::kCombine, {"combine"}); }
  TokensInFlight Dispatch(int layer, ConstMatrix x, const Routing& routing) override;
  std::vector<int64_t> TakeDeviceCounts() override;

 private:
  template <class T>
  static T* As(const Buffer& buffer) {
    return reinterpret_cast<T*>(buffer.data());
  }
  template <class T>
  T* OfLayer(const Buffer& buffer, int layer) const {
    return As<T>(buffer) + int64_t{layer} * num_experts_;
  }

  cuda::HomeRouting RoutingOf(int layer) const;
  void ReadPlacement(int layer);
  int32_t OwnerOf(int layer, int expert) const;
  void CountStep();
  void AgreeOnSizes(int layer);
  void AddSizes();
  void FindBases(const Buffer& sizes, const Buffer& bases);
  void SendTokens(int layer, ConstMatrix x);
  void PlanExperts(int layer);
  Matrix AllocRows(int64_t rows, int64_t cols, DType dtype) {
    return workspace_.AllocDense(std::max<int64_t>(rows, 1), cols, dtype);
  }
  const ExpertPlan* NextPart(int layer) override;
  ConstMatrix tokens() const override { return tokens_; }
  void Return(int layer, ConstMatrix out) override;
  void Combine(int layer, SendPlan plan, Matrix y) override;

  Communicator& comm_;
  const ExpertPlacement& placement_;
  cuda::CudaBackend& backend_;
  Workspace& workspace_;
  const DispatchLimits limits_;
  RowTransport& rows_;
  BlockExchange exchange_;
  const HostTopology hosts_;
  const int num_ranks_;
  const int num_experts_;
  const absl::Status has_no_need_;
  std::vector<int> num_local_;  // [layers] experts of this rank

  // On the device. Of all layers: owner_of_, local_of_, counts_ [layers, experts].
  Buffer owner_of_, local_of_, counts_;
  Buffer topk_idx_, topk_weights_, send_row_of_, return_of_, num_tokens_;
  Buffer sizes_, arrived_sizes_, starts_, arrived_starts_;
  Buffer host_sizes_;  // on the host

  // The exchange under way.
  int64_t room_ = 0;           // for tokens of each rank; 0: for those that there are
  BlockSizes sent_, arrived_;  // as the host knows them
  BlockSizes one_each_;        // a row for each rank
  Matrix tokens_, pairs_;      // that came
  Matrix leaving_returns_;
  Matrix returned_;
  bool has_planned_ = false;
  cuda::ArrivedPairs arrived_pairs_ = {};
  cuda::DeviceExpertPlan device_plan_ = {};
  ExpertPlan expert_plan_;
};

cuda::HomeRouting DeviceDispatcher::RoutingOf(int layer) const {
  return {.num_tokens = As<int32_t>(num_tokens_),
          .topk = limits_.topk,
          .topk_idx = As<int32_t>(topk_idx_),
          .topk_weights = As<float>(topk_weights_),
          .owner_of = OfLayer<int32_t>(owner_of_, layer),
          .num_ranks = num_ranks_};
}

int32_t DeviceDispatcher::OwnerOf(int layer, int expert) const {
  const int home = comm_.rank();
  if (placement_.Owns(layer, expert, home)) return home;
  const std::span<const int32_t> ranks = placement_.ranks(layer, expert);
  std::vector<int32_t> near;
  std::ranges::copy_if(ranks, std::back_inserter(near),
                       [&](int32_t rank) { return hosts_.host_of(rank) == hosts_.host_of(home); });
  const std::span<const int32_t> candidates = near.empty() ? ranks : near;
  return candidates[home % candidates.size()];
}

void DeviceDispatcher::ReadPlacement(int layer) {
  std::vector<int32_t> owner_of(num_experts_);
  std::vector<int32_t> local_of(num_experts_, -1);
  for (int e = 0; e < num_experts_; ++e) owner_of[e] = OwnerOf(layer, e);
  const std::vector<int> local = placement_.LocalExperts(layer, comm_.rank());
  for (size_t i = 0; i < local.size(); ++i) local_of[local[i]] = static_cast<int32_t>(i);
  num_local_[layer] = static_cast<int>(local.size());
  const auto upload = [&](const std::vector<int32_t>& list, const Buffer& to) {
    backend_.lists().UploadTo(std::as_bytes(std::span(list)),
                              reinterpret_cast<std::byte*>(OfLayer<int32_t>(to, layer)));
  };
  upload(owner_of, owner_of_);
  upload(local_of, local_of_);
}

void DeviceDispatcher::SetTokens(int64_t num_tokens, int64_t room) {
  OCTET_CHECK(room == 0 || num_tokens <= room);
  const std::array<int32_t, 1> list = {static_cast<int32_t>(num_tokens)};
  backend_.lists().UploadTo(std::as_bytes(std::span(list)), num_tokens_.data());
  room_ = room;
  if (room == 0) return;
  const MessageSize largest = cuda::LargestMessage(static_cast<int32_t>(room), limits_.topk);
  sent_.Set(std::vector(num_ranks_, largest));
  arrived_ = sent_;
  Check(cuda::CapacityBases(largest, num_ranks_, As<MessageSize>(starts_), backend_.stream()),
        "routing");
  CountStep();
}

// Counts what a step with room for all tokens sends in all layers.
void DeviceDispatcher::CountStep() {
  const int64_t layers = placement_.num_layers();
  const int64_t hidden = limits_.hidden_size;
  const auto element = static_cast<int64_t>(SizeOf(limits_.dtype));
  exchange_.CountSent(Traffic::kRouting, one_each_, sizeof(MessageSize), NumTokens, layers);
  exchange_.CountSent(Traffic::kRouting, sent_, sizeof(DevicePair), NumPairs, layers);
  exchange_.CountSent(Traffic::kDispatch, sent_, hidden * element, NumTokens, layers);
  exchange_.CountSent(Traffic::kCombine, arrived_, hidden * sizeof(float), NumReturns, layers);
}

TokensInFlight DeviceDispatcher::Dispatch(int layer, ConstMatrix x, const Routing& routing) {
  const Activity::Scope place({"routing", layer});
  OCTET_CHECK(x.rows == routing.num_tokens && x.rows <= limits_.max_tokens);
  Workspace::Scope scope(workspace_);
  has_planned_ = false;
  if (room_ == 0) AgreeOnSizes(layer);
  SendTokens(layer, x);
  return Depart(*this, layer, {}, std::move(scope));
}

// All ranks learn how much comes to them. The host waits for it: the only time in a layer.
void DeviceDispatcher::AgreeOnSizes(int layer) {
  auto* const sizes = As<MessageSize>(sizes_);
  auto* const arrived = As<MessageSize>(arrived_sizes_);
  Check(cuda::CountSends(RoutingOf(layer), sizes, backend_.stream()), "routing");
  AddSizes();
  exchange_.Start(true);
  FindBases(sizes_, starts_);
  FindBases(arrived_sizes_, arrived_starts_);
  auto* const host = As<MessageSize>(host_sizes_);
  backend_.CopyToHost(AsRows(sizes, num_ranks_), AsRows(host, num_ranks_));
  backend_.CopyToHost(AsRows(arrived, num_ranks_), AsRows(host + num_ranks_, num_ranks_));
  comm_.Wait(rows_.pending(), Traffic::kDispatch, {"dispatch", layer});
  backend_.Synchronize();
  sent_.Set({host, host + num_ranks_});
  arrived_.Set({host + num_ranks_, host + 2 * num_ranks_});
}

void DeviceDispatcher::AddSizes() {
  exchange_.Add(Traffic::kRouting, one_each_, AsRows(As<MessageSize>(sizes_), num_ranks_),
                one_each_, AsRows(As<MessageSize>(arrived_sizes_), num_ranks_), NumTokens);
}

void DeviceDispatcher::FindBases(const Buffer& sizes, const Buffer& bases) {
  Check(cuda::ExactBases(As<MessageSize>(sizes), num_ranks_, As<MessageSize>(bases),
                         backend_.stream()),
        "routing");
}

void DeviceDispatcher::SendTokens(int layer, ConstMatrix x) {
  const cuda::HomeRouting home = RoutingOf(layer);
  const Matrix pairs = AllocRows(sent_.total().pairs, 3, DType::kF32);
  const cuda::DeviceSendPlan plan = {.bases = As<MessageSize>(starts_),
                                     .sizes = As<MessageSize>(sizes_),
                                     .pairs = reinterpret_cast<DevicePair*>(pairs.data),
                                     .send_row_of = As<int32_t>(send_row_of_),
                                     .return_of = As<int32_t>(return_of_)};
  const Matrix leaving = AllocRows(sent_.total().tokens, limits_.hidden_size, limits_.dtype);
  if (x.rows > 0) {
    Check(cuda::PlanSends(home, plan, backend_.stream()), "routing");
    Check(cuda::GatherMessages(x, home.num_tokens, limits_.topk, plan.send_row_of, leaving,
                               backend_.stream()),
          "gather");
  }
  tokens_ = AllocRows(arrived_.total().tokens, limits_.hidden_size, limits_.dtype);
  pairs_ = AllocRows(arrived_.total().pairs, 3, DType::kF32);
  if (room_ > 0) AddSizes();
  exchange_.Add(Traffic::kRouting, sent_, pairs, arrived_, pairs_, NumPairs);
  exchange_.Add(Traffic::kDispatch, sent_, leaving, arrived_, tokens_, NumTokens);
  exchange_.Start(room_ == 0);
  if (room_ > 0) FindBases(arrived_sizes_, arrived_starts_);
  returned_ = AllocRows(sent_.total().returns, limits_.hidden_size, DType::kF32);
  leaving_returns_ = AllocRows(arrived_.total().returns, limits_.hidden_size, DType::kF32);
}

// The first part is all that came. After it, outputs go back: on every rank, as none may wait.
const ExpertPlan* DeviceDispatcher::NextPart(int layer) {
  if (has_planned_ || arrived_.total().pairs == 0) {
    exchange_.Add(Traffic::kCombine, arrived_, leaving_returns_, sent_, returned_, NumReturns);
    exchange_.Start(room_ == 0);
    return nullptr;
  }
  has_planned_ = true;
  PlanExperts(layer);
  return &expert_plan_;
}

// With room for all tokens, the plan has room for experts that the rank does not have, but may have
// when the plan is made again.
void DeviceDispatcher::PlanExperts(int layer) {
  const int64_t pairs = arrived_.total().pairs;
  const cuda::LocalExperts local = {.num_local = room_ > 0 ? num_experts_ : num_local_[layer],
                                    .local_of = OfLayer<int32_t>(local_of_, layer)};
  arrived_pairs_ = {.num_homes = num_ranks_,
                    .topk = limits_.topk,
                    .starts = As<MessageSize>(arrived_starts_),
                    .bases = As<MessageSize>(room_ > 0 ? starts_ : arrived_starts_),
                    .pairs = reinterpret_cast<DevicePair*>(pairs_.data)};
  const int64_t usual_pairs = room_ > 0 ? (pairs + num_ranks_ - 1) / num_ranks_ : pairs;
  device_plan_ = {.tile_rows = cuda::RowsOfTile(usual_pairs, local.num_local)};
  device_plan_.most_tiles = cuda::MostTiles(pairs, local.num_local, device_plan_.tile_rows);
  const auto alloc = [&]<class T>(T*& list, int64_t count) {
    constexpr int64_t kFloats = sizeof(T) / sizeof(float);
    list = reinterpret_cast<T*>(AllocRows(count, kFloats, DType::kF32).data);
  };
  alloc(device_plan_.offsets, local.num_local + 1);
  alloc(device_plan_.rows, pairs);
  alloc(device_plan_.output_of, pairs);
  alloc(device_plan_.tiles, device_plan_.most_tiles);
  alloc(device_plan_.num_tiles, 1);
  alloc(device_plan_.returns, arrived_.total().returns);
  alloc(device_plan_.counts, local.num_local);
  Check(cuda::PlanExperts(arrived_pairs_, local, device_plan_, backend_.stream()), "plan");
  Check(cuda::CountPairs(local, num_experts_, device_plan_.offsets,
                         OfLayer<int64_t>(counts_, layer), backend_.stream()),
        "plan");
  expert_plan_ = {.on_device = &device_plan_, .most_rows = pairs};
}

void DeviceDispatcher::Return(int, ConstMatrix out) {
  Check(cuda::SumReturns(out, arrived_pairs_, device_plan_, leaving_returns_, backend_.stream()),
        "sum");
}

void DeviceDispatcher::Combine(int layer, SendPlan, Matrix y) {
  const Activity::Scope place({"combine", layer});
  Check(cuda::Combine(returned_, As<int32_t>(num_tokens_), limits_.topk, As<int32_t>(return_of_), y,
                      backend_.stream()),
        "combine");
}

std::vector<int64_t> DeviceDispatcher::TakeDeviceCounts() {
  std::vector<int64_t> counts(static_cast<size_t>(placement_.num_layers()) * num_experts_);
  const auto rows = static_cast<int64_t>(counts.size());
  backend_.CopyToHost(AsRows(As<int64_t>(counts_), rows), AsRows(counts.data(), rows));
  Check(cudaMemsetAsync(counts_.data(), 0, counts_.bytes(), backend_.stream()), "counts");
  backend_.Synchronize();
  return counts;
}

}  // namespace

std::unique_ptr<Dispatcher> MakeDeviceDispatcher(Communicator& comm,
                                                 const ExpertPlacement& placement, Backend& backend,
                                                 Workspace& workspace, const DispatchLimits& limits,
                                                 RowTransport& rows) {
  OCTET_CHECK(!backend.is_on_host());
  return std::make_unique<DeviceDispatcher>(
      comm, placement, static_cast<cuda::CudaBackend&>(backend), workspace, limits, rows);
}

}  // namespace octet

#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/expert_plan.h"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/grouped_swiglu.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/router.h"
#include "kernels/cuda/rows.h"
#include "kernels/cuda/sampling.h"

namespace octet::cuda {
namespace {

constexpr size_t kRingBytes = size_t{16} << 20;
constexpr size_t kResultBytes = size_t{1} << 20;

// The current device of the calling thread becomes this one.
int UseDevice(int device) {
  Check(cudaSetDevice(device), "this thread");
  int processors = 0;
  Check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "a question");
  return processors;
}

std::vector<DeviceExpert> TableOf(std::span<const ExpertWeights* const> experts) {
  std::vector<DeviceExpert> table;
  table.reserve(experts.size());
  for (const ExpertWeights* e : experts) {
    table.push_back({e->gate_up.buffer.data(), e->down.buffer.data()});
  }
  return table;
}

Path PathOf(bool tensor_cores) { return tensor_cores ? Path::kFastest : Path::kPlain; }

}  // namespace

CudaBackend::CudaBackend(int device, std::unique_ptr<Backend> host, const TensorCoreUse& use)
    : host_(std::move(host)),
      use_(use),
      num_processors_(UseDevice(device)),
      ring_(stream_, kRingBytes),
      packer_(device, host_->packer()),
      scratch_([this](size_t bytes) { return Allocate(bytes); }),
      results_room_(AllocatePinned(kResultBytes)) {}

CudaBackend::~CudaBackend() { stream_.Wait(); }

void CudaBackend::Synchronize() {
  ++num_synchronizations_;
  stream_.Wait();
  ring_.StreamIsIdle();
  for (const Result& r : results_) std::copy_n(r.from, r.to.size(), r.to.begin());
  results_.clear();
  results_used_ = 0;
  Activity::OfThisThread().Tick();
}

Buffer CudaBackend::Allocate(size_t bytes) { return AllocateOnDevice(bytes, stream_); }

Buffer CudaBackend::AllocateOnHost(size_t bytes) { return AllocatePinned(bytes); }

void CudaBackend::ShareHostMemory(std::span<std::byte> memory) {
  Check(cudaHostRegister(memory.data(), memory.size(), cudaHostRegisterMapped),
        "to share memory of the host");
}

void CudaBackend::UnshareHostMemory(std::span<std::byte> memory) {
  stream_.Wait();
  Check(cudaHostUnregister(memory.data()), "to share memory of the host");
}

void CudaBackend::CopyToHost(ConstMatrix x, Matrix y) {
  OCTET_CHECK(x.rows == y.rows && x.cols == y.cols && x.dtype == y.dtype);
  if (x.rows == 0) return;
  Check(cudaMemcpy2DAsync(y.data, y.stride_bytes(), x.data, x.stride_bytes(), x.row_bytes(), x.rows,
                          cudaMemcpyDeviceToHost, stream_),
        "a copy");
}

void CudaBackend::Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) {
  const Workspace::Scope scope(scratch_);
  if (x.dtype != w.dtype() || (CanUseTensorCores(w.dtype(), w.cols) && !IsAligned(x))) {
    const Matrix rounded = scratch_.Alloc(x.rows, x.cols, w.dtype());
    Convert(x, rounded);
    x = rounded;
  }
  Check(cuda::Matmul(x, w, y, stream_, PathOf(use_.products)), "matmul");
}

void CudaBackend::WriteTable(std::span<const ExpertWeights* const> experts, ExpertTable& table) {
  OCTET_CHECK(std::ssize(experts) <= table.room);
  if (table.on_device.data() == nullptr) {
    table.on_device = Allocate(table.room * sizeof(DeviceExpert));
  }
  const std::vector<DeviceExpert> list = TableOf(experts);
  ring_.UploadTo(std::as_bytes(std::span(list)), table.on_device.data());
}

// The rows of x may be in memory of the host: each is read once.
void CudaBackend::GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows,
                                std::span<const int32_t> offsets,
                                std::span<const ExpertWeights* const> experts, Matrix y) {
  OCTET_CHECK(offsets.size() == experts.size() + 1 && offsets.back() == std::ssize(rows) &&
              y.rows == std::ssize(rows));
  if (rows.empty()) return;
  const Workspace::Scope scope(scratch_);
  const PackedMatrix& down = experts[0]->down;
  const Matrix inputs = scratch_.Alloc(y.rows, x.cols, down.dtype());
  Check(cuda::GatherRows(x, ring_.Upload(rows), inputs, stream_), "gather");
  const int64_t tile_rows = RowsOfTile(y.rows, std::ssize(experts));
  const std::vector<ExpertTile> tiles = DivideIntoTiles(offsets, tile_rows);
  const std::vector<DeviceExpert> table = TableOf(experts);
  const cuda::GroupedSwiGlu product = {
      .x = inputs,
      .rows = nullptr,
      .tiles = ring_.Upload(std::span(tiles)),
      .num_tiles = nullptr,
      .max_tiles = std::ssize(tiles),
      .tile_rows = tile_rows,
      .experts = ring_.Upload(std::span(std::as_const(table))),
      .between = scratch_.Alloc(y.rows, down.cols, down.dtype()),
      .y = y,
      .path = PathOf(use_.experts),
  };
  Check(product.Compute(stream_), "experts");
}

void CudaBackend::PlannedSwiGlu(ConstMatrix x, const DeviceExpertPlan& plan,
                                const ExpertTable& experts, Matrix y) {
  const Workspace::Scope scope(scratch_);
  const cuda::GroupedSwiGlu product = {
      .x = x,
      .rows = plan.rows,
      .tiles = plan.tiles,
      .num_tiles = plan.num_tiles,
      .max_tiles = plan.most_tiles,
      .tile_rows = plan.tile_rows,
      .experts = reinterpret_cast<const DeviceExpert*>(experts.on_device.data()),
      .between = scratch_.Alloc(y.rows, experts.intermediate_size, x.dtype),
      .y = y,
      .path = PathOf(use_.experts),
  };
  Check(product.Compute(stream_), "experts");
}

void CudaBackend::RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows && std::ssize(weight) == x.cols);
  Check(cuda::RmsNorm(x, weight.data(), eps, y, stream_), "norm");
}

void CudaBackend::Add(ConstMatrix x, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows);
  Check(cuda::Add(x, y, stream_), "add");
}

void CudaBackend::GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && std::ssize(rows) == y.rows);
  Check(cuda::GatherRows(x, OnDevice(rows), y, stream_), "gather");
}

void CudaBackend::Convert(ConstMatrix x, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows);
  Check(cuda::GatherRows(x, nullptr, y, stream_), "convert");
}

void CudaBackend::WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) {
  const bool in_order = sums.results.empty();
  OCTET_CHECK(x.cols == y.cols && sums.rows.size() == sums.weights.size() &&
              sums.num_sums() == (in_order ? y.rows : std::ssize(sums.results)));
  const auto upload = [this](const auto& list) { return ring_.Upload(std::span(list)); };
  const DeviceRowSums device = {.num_sums = sums.num_sums(),
                                .offsets = upload(sums.offsets),
                                .rows = upload(sums.rows),
                                .weights = upload(sums.weights),
                                .results = in_order ? nullptr : upload(sums.results)};
  Check(cuda::WeightedSum(x, device, y, stream_), "sum");
}

void CudaBackend::Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows &&
              (scales.empty() || std::ssize(scales) == x.rows));
  Check(cuda::Softmax(x, scales.empty() ? nullptr : ring_.Upload(scales), y, stream_), "softmax");
}

// Returns pinned memory for what a kernel hands to the host.
template <class... T>
std::tuple<T*...> CudaBackend::RoomFor(std::span<T>... results) {
  const size_t bytes = (RoundUp(results.size_bytes()) + ...);
  if (results_used_ + bytes > results_room_.bytes()) {
    Synchronize();
    if (bytes > results_room_.bytes()) results_room_ = AllocatePinned(2 * bytes);
  }
  return {reinterpret_cast<T*>(TakeRoom(std::as_writable_bytes(results)))...};
}

std::byte* CudaBackend::TakeRoom(std::span<std::byte> result) {
  std::byte* const room = results_room_.data() + results_used_;
  results_used_ += RoundUp(result.size());
  results_.push_back({room, result});
  return room;
}

void CudaBackend::Route(Matrix logits, int topk, std::span<int32_t> experts,
                        std::span<float> weights) {
  OCTET_CHECK(topk <= logits.cols && std::ssize(experts) == logits.rows * topk &&
              weights.size() == experts.size());
  const auto [to_experts, to_weights] = RoomFor(experts, weights);
  Check(cuda::Route(logits, topk, to_experts, to_weights, stream_), "router");
}

void CudaBackend::RouteOnDevice(Matrix logits, int topk, int32_t* experts, float* weights) {
  Check(cuda::Route(logits, topk, experts, weights, stream_), "router");
}

void CudaBackend::LogSumExp(ConstMatrix x, std::span<float> result) {
  OCTET_CHECK(std::ssize(result) == x.rows);
  Check(cuda::LogSumExp(x, std::get<0>(RoomFor(result)), stream_), "log-sum-exp");
}

void CudaBackend::DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                             std::span<int32_t> tokens, std::span<int32_t> are_finite) {
  OCTET_CHECK(std::ssize(draws) == logits.rows && tokens.size() == draws.size() &&
              are_finite.size() == draws.size() && room.cols == logits.cols &&
              (room.rows > 0 || logits.rows == 0));
  if (logits.rows == 0) return;
  const auto [drawn, finite] = RoomFor(tokens, are_finite);
  Check(cuda::AllFinite(logits, finite, stream_), "sampling");
  std::vector<float> scales(draws.size());
  std::vector<SampleRow> rows(draws.size());
  for (size_t i = 0; i < draws.size(); ++i) {
    const TokenDraw& draw = draws[i];
    scales[i] = draw.scale;
    rows[i] = {draw.filter.min_p, draw.filter.top_k, draw.filter.top_p,
               static_cast<uint64_t>(std::ldexp(draw.u, 53))};
  }
  const float* const all_scales = ring_.Upload(std::span(std::as_const(scales)));
  const SampleRow* const all_rows = ring_.Upload(std::span(std::as_const(rows)));
  for (int64_t first = 0; first < logits.rows; first += room.rows) {
    const int64_t count = std::min(room.rows, logits.rows - first);
    const Sampling sampling = {.logits = logits.Rows(first, count),
                               .scales = all_scales + first,
                               .rows = all_rows + first,
                               .probabilities = room.Rows(0, count),
                               .tokens = drawn + first};
    Check(sampling.Compute(stream_), "sampling");
  }
}

void CudaBackend::Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) {
  const int64_t half = table.cos.cols;
  OCTET_CHECK(x.cols % (2 * half) == 0 && std::ssize(positions) == x.rows);
  for (const int32_t position : positions) {
    OCTET_CHECK(position < table.cos.rows) << "position " << position;
  }
  Check(
      cuda::Rope(x, static_cast<int>(2 * half), OnDevice(positions), table.cos, table.sin, stream_),
      "rope");
}

void CudaBackend::StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
                          const KvBlocks& kv) {
  const SequenceLists& sequences = OnDevice(spans, sequences_.most_tile_tokens());
  Check(cuda::StoreKv(keys, values, sequences.tokens(), kv, stream_), "storing keys and values");
}

void CudaBackend::Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                            int64_t window, Matrix y) {
  const int64_t num_heads = q.cols / kv.head_dim;
  const SequenceLists& sequences = OnDevice(spans, MostTileTokens(num_heads / kv.num_kv_heads));
  if (!use_.attention || !FlashTakes(kv, num_heads)) {
    return Check(cuda::Attention(q, sequences.tokens(), kv, window, y, stream_), "attention");
  }
  const Workspace::Scope scope(scratch_);
  FlashAttention flash = {.q = q,
                          .tiles = sequences.tiles(),
                          .num_tiles = sequences.num_tiles(),
                          .tile_tokens = sequences.tile_tokens(),
                          .kv = kv,
                          .window = window,
                          .max_context = sequences.max_context(),
                          .partials = nullptr,
                          .tiles_at_a_time = 0,
                          .y = y};
  if (flash.WantsPartials(2 * num_processors_)) {
    constexpr auto kMostFloats = kMostSplitBytes / static_cast<int64_t>(sizeof(float));
    flash.tiles_at_a_time = std::min(flash.num_tiles, kMostFloats / flash.PartialFloats(1));
  }
  if (flash.tiles_at_a_time > 0) {
    flash.partials = scratch_.Alloc(1, flash.PartialFloats(flash.tiles_at_a_time)).f32(0);
  }
  Check(flash.Compute(stream_), "attention");
}

}  // namespace octet::cuda

// The backend on processor cores.

#ifndef OCTET_KERNELS_CPU_CPU_BACKEND_H_
#define OCTET_KERNELS_CPU_CPU_BACKEND_H_

#include <string>
#include <utility>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "kernels/cpu/cache_sizes.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/thread_pool.h"

namespace octet {

// A backend that divides each operation over the threads of a pool: a matrix product by outputs,
// attention by heads, the other operations by rows.
class CpuBackend : public Backend, public WeightPacker {
 public:
  CpuBackend(Isa isa, int num_threads);
  // l2_bytes: the L2 cache of one core. It changes no bit of any result.
  CpuBackend(const CpuKernels& kernels, int num_threads, size_t l2_bytes = L2BytesPerCore());

  void Synchronize() override {}
  Backend& host() override { return *this; }
  Buffer Allocate(size_t bytes) override;
  Buffer AllocateOnHost(size_t bytes) override { return Allocate(bytes); }
  void ShareHostMemory(std::span<std::byte>) override {}
  void UnshareHostMemory(std::span<std::byte>) override {}
  void CopyToHost(ConstMatrix x, Matrix y) override { Convert(x, y); }
  void ReserveScratch(size_t bytes) override { scratch_.Reserve(bytes); }
  WeightPacker& packer() override { return *this; }
  void HoldLists(std::span<const StepLists>) override {}
  std::unique_ptr<RecordedWork> Record(absl::FunctionRef<void()>) override { return nullptr; }
  int num_threads() const override { return threads_.num_threads(); }
  void ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) override;
  void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) override;
  void PackBlocks(BlockRows rows, int64_t panel, PackedMatrix& w) override;
  int64_t OutputOf(const PackedMatrix& w, size_t index) override;
  void Write(std::span<const std::byte> from, std::byte* to) override;
  std::span<const std::byte> Read(std::span<const std::byte> from,
                                  std::vector<std::byte>&) override {
    return from;
  }
  void Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) override;
  void RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) override;
  void Add(ConstMatrix x, Matrix y) override;
  void GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows, std::span<const int32_t> offsets,
                     std::span<const ExpertWeights* const> experts, Matrix y) override;
  void GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) override;
  void GatherWeights(const WeightRows& w, std::span<const int32_t> rows, Matrix y) override;
  void Convert(ConstMatrix x, Matrix y) override;
  void WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) override;
  void Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) override;
  void Route(Matrix logits, int topk, std::span<int32_t> experts,
             std::span<float> weights) override;
  void RouteOnDevice(Matrix logits, int topk, int32_t* experts, float* weights) override {
    const auto count = static_cast<size_t>(logits.rows * topk);
    Route(logits, topk, {experts, count}, {weights, count});
  }
  void PlannedSwiGlu(ConstMatrix, const cuda::DeviceExpertPlan&, const ExpertTable&,
                     Matrix) override {
    Fatal(__FILE__, __LINE__, "a plan of a device on the host");
  }
  void WriteTable(std::span<const ExpertWeights* const>, ExpertTable&) override {}
  void LogSumExp(ConstMatrix x, std::span<float> result) override;
  void DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                  std::span<int32_t> tokens, std::span<int32_t> are_finite) override;
  void Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) override;
  void StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
               const KvBlocks& kv) override;
  void Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                 int64_t window, Matrix y) override;

 private:
  void SoftmaxOfRow(ConstMatrix x, int64_t row, float scale, float* y) const;
  int32_t DrawToken(ConstMatrix logits, int64_t row, const TokenDraw& draw, float* room,
                    TokenFilter& filter) const;

  // Work on few elements stays on the caller's thread: to wake other threads costs more.
  static constexpr bool IsSmall(int64_t elements) { return elements < 16384; }

  // y[to] = x[from], rounded to y's type, float32 or bfloat16 from either.
  void ConvertRow(ConstMatrix x, int64_t from, Matrix y, int64_t to) const;
  void RoundRows(ConstMatrix x, Matrix y);

  // Calls f(row) for each row, divided over the threads in contiguous runs.
  void ForRows(int64_t rows, int64_t cols, absl::FunctionRef<void(int64_t row)> f);

  // Calls f(thread, i) for each 0 <= i < n on whichever thread is free; if `alone`, on the caller's
  // thread.
  void ForEach(bool alone, int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f);

  // The rows of x as the kernels read them.
  struct PackedRows {
    std::byte* data;
    size_t row_bytes;
  };
  PackedRows AllocRows(int64_t rows, int64_t inputs, WeightFormat format);

  void DivideSpans(std::span<const SequenceSpan> spans, int64_t group, int64_t rows_of_unit);
  std::pair<size_t, int64_t> FindUnit(int64_t unit) const;

  // A run of rows that go to the same expert.
  struct ExpertRows {
    const ExpertWeights* weights;
    int64_t first;
    int64_t rows;
  };
  struct ExpertUnit {
    ExpertRows expert;
    int64_t unit;
  };
  void PairExperts();
  ExpertUnit UnitOfPair(int64_t i, int64_t units) const;
  void PackExpertRows(bool alone, ConstMatrix x, std::span<const int32_t> indices,
                      WeightFormat format, PackedRows packed);
  void RunExperts(ConstMatrix x, std::span<const int32_t> indices, Matrix y);

  MatmulArgs ProductOf(const std::byte* x, int64_t rows, const PackedMatrix& w) const;
  void RunUnit(MatmulArgs args, int thread, int64_t unit);
  static int64_t SumRows(size_t l2_bytes);
  size_t SumBytes() const;  // of one thread

  const CpuKernels& kernels_;
  const size_t l2_bytes_;
  const int64_t sum_rows_;
  ThreadPool threads_;
  Buffer sums_;  // of each thread
  Workspace scratch_;
  std::vector<int64_t> first_units_;     // [spans + 1] of the spans that are divided
  std::vector<TokenFilter> filters_;     // [threads]
  std::vector<ExpertRows> expert_rows_;  // the rows that are computed together
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_CPU_BACKEND_H_

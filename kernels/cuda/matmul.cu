#include "kernels/cuda/device.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/ptx.h"

namespace octet::cuda {
namespace {

// A block computes kTile x kTile outputs, and each of its four warps a quarter of them.
constexpr int kTile = 64;
constexpr int kWarpTile = 32;
constexpr int kThreads = 128;

// Elements of k: in a stage, in an instruction, and in what a thread copies at a time.
constexpr int kStageK = 32;
constexpr int kMmaK = 16;
constexpr int kChunk = 8;
constexpr int kChunks = kStageK / kChunk;  // of a row of a stage
constexpr int kStages = 3;

// Outputs of one instruction.
constexpr int kMmaM = 16;
constexpr int kMmaN = 8;

// kTile rows of kStageK elements. Chunks are swizzled, so that the eight rows that ldmatrix reads
// at a time lie in different banks.
struct StageTile {
  uint4 chunks[kTile * kChunks];

  OCTET_DEVICE uint4* At(int row, int chunk) {
    return &chunks[row * kChunks + (chunk ^ (row / 2 % kChunks))];
  }
};

struct Operand {
  const BF16* data;
  int64_t rows;
  int64_t cols;
  int64_t stride;
};

// Begins to copy a stage of the rows from `first_row` on; zeros beyond the matrix.
OCTET_DEVICE void BeginStage(const Operand& from, int64_t first_row, int64_t first_k,
                             StageTile& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kChunks; i += kThreads) {
    const int64_t row = first_row + i / kChunks;
    const int64_t k = first_k + i % kChunks * kChunk;
    const bool is_there = row < from.rows && k < from.cols;
    const BF16* const source = is_there ? from.data + row * from.stride + k : from.data;
    ptx::CpAsync16(to.At(i / kChunks, i % kChunks), source, is_there);
  }
}

// The outputs of a warp: accumulators of instructions.
struct WarpSums {
  float sums[kWarpTile / kMmaM][kWarpTile / kMmaN][4] = {};

  OCTET_DEVICE void AddStage(StageTile& x, int first_row, StageTile& w, int first_col) {
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
    for (int chunk = 0; chunk < kChunks; chunk += kMmaK / kChunk) {
      uint32_t a[kWarpTile / kMmaM][4];
#pragma unroll
      for (int m = 0; m < kWarpTile / kMmaM; ++m) {
        ptx::LoadMatrices(a[m], x.At(first_row + m * kMmaM + lane % 16, chunk + lane / 16));
      }
#pragma unroll
      for (int n = 0; n < kWarpTile / kMmaN; n += 2) {
        uint32_t b[4];  // of two instructions
        const int col = first_col + n * kMmaN + lane / 16 * kMmaN + lane % 8;
        ptx::LoadMatrices(b, w.At(col, chunk + lane / 8 % 2));
        const uint32_t halves[2][2] = {{b[0], b[1]}, {b[2], b[3]}};
#pragma unroll
        for (int m = 0; m < kWarpTile / kMmaM; ++m) {
          ptx::MmaBf16(sums[m][n], a[m], halves[0]);
          ptx::MmaBf16(sums[m][n + 1], a[m], halves[1]);
        }
      }
    }
  }

  OCTET_DEVICE void Write(int64_t first_row, int64_t first_col, float* y, int64_t rows,
                          int64_t cols, int64_t stride) const {
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
    for (int m = 0; m < kWarpTile / kMmaM; ++m) {
#pragma unroll
      for (int n = 0; n < kWarpTile / kMmaN; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int64_t row = first_row + m * kMmaM + lane / 4 + i / 2 * 8;
          const int64_t col = first_col + n * kMmaN + lane % 4 * 2 + i % 2;
          if (row < rows && col < cols) y[row * stride + col] = sums[m][n][i];
        }
      }
    }
  }
};

__global__ void __launch_bounds__(kThreads)
    MatmulKernel(Operand x, Operand w, float* y, int64_t y_stride) {
  OCTET_SHARED(StageTile, x_stages, kStages);
  OCTET_SHARED(StageTile, w_stages, kStages);
  const int64_t row = int64_t{blockIdx.y} * kTile;
  const int64_t col = int64_t{blockIdx.x} * kTile;
  const int warp = static_cast<int>(threadIdx.x) / kLanes;
  const int warp_row = warp / 2 * kWarpTile;
  const int warp_col = warp % 2 * kWarpTile;
  const int num_stages = static_cast<int>((x.cols + kStageK - 1) / kStageK);
  const auto begin_stage = [&](int stage) {
    if (stage < num_stages) {
      BeginStage(x, row, int64_t{stage} * kStageK, x_stages[stage % kStages]);
      BeginStage(w, col, int64_t{stage} * kStageK, w_stages[stage % kStages]);
    }
    ptx::CpAsyncCommit();  // always, since groups are counted
  };
  for (int stage = 0; stage + 1 < kStages; ++stage) begin_stage(stage);
  WarpSums sums;
  for (int stage = 0; stage < num_stages; ++stage) {
    ptx::CpAsyncWait<kStages - 2>();
    __syncthreads();  // this stage is there, and all have read the one before it
    begin_stage(stage + kStages - 1);
    sums.AddStage(x_stages[stage % kStages], warp_row, w_stages[stage % kStages], warp_col);
  }
  sums.Write(row + warp_row, col + warp_col, y, x.rows, w.rows, y_stride);
}

bool IsAligned(ConstMatrix m) {
  return m.cols % kChunk == 0 && m.stride % kChunk == 0 &&
         reinterpret_cast<uintptr_t>(m.data) % sizeof(uint4) == 0;
}

Operand View(ConstMatrix m) {
  return {reinterpret_cast<const BF16*>(m.data), m.rows, m.cols, m.stride};
}

}  // namespace

cudaError_t Matmul(ConstMatrix x, ConstMatrix w, Matrix y, cudaStream_t stream) {
  if (x.rows == 0 || w.rows == 0) return cudaSuccess;
  if (!IsAligned(x) || !IsAligned(w) || x.cols != w.cols) return cudaErrorInvalidValue;
  const auto tiles = [](int64_t n) { return static_cast<unsigned>((n + kTile - 1) / kTile); };
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(tiles(w.rows), tiles(x.rows));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, MatmulKernel, View(x), View(w),
                            reinterpret_cast<float*>(y.data), y.stride);
}

}  // namespace octet::cuda

// The experts of a layer on a CUDA device: grouped SwiGLU.

#ifndef OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_
#define OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/matrix.h"
#include "kernels/cuda/weights.h"

namespace octet::cuda {

// Where the weights of an expert lie on the device: the buffers of ExpertWeights, as weights.h
// says.
struct DeviceExpert {
  const void* gate_up;  // [GateUpRows(intermediate), WeightStride(dtype, hidden)]
  const void* down;     // [PaddedRows(hidden), WeightStride(dtype, intermediate)]
};

// Rows [first, end) of one expert, which a block computes together.
struct ExpertTile {
  int32_t expert;
  int32_t first;
  int32_t end;
};

// The number of rows of a tile that suits `num_rows` rows of `num_experts` experts.
int64_t RowsOfTile(int64_t num_rows, int64_t num_experts);

// The most tiles of `tile_rows` rows that `num_rows` rows of `num_experts` experts can take.
int64_t MostTiles(int64_t num_rows, int64_t num_experts, int64_t tile_rows);

// Divides the rows offsets[e] <= i < offsets[e + 1] of each expert into tiles.
std::vector<ExpertTile> DivideIntoTiles(std::span<const int32_t> offsets, int64_t tile_rows);

// As Backend::GroupedSwiGlu: y[i] = w2 (silu(w1 x[rows[i]]) * (w3 x[rows[i]])) with the weights of
// the expert of row i; what w2 multiplies is rounded to the weights' dtype. Which path is taken
// depends on that dtype, hidden and intermediate alone, and the bits of a row of y do not depend on
// how rows are divided into tiles.
//
// For tensor cores (CanUseTensorCores for hidden and for intermediate) the rows of x, of between
// and of the weights must begin at multiples of 16 bytes. If those of x or between don't, or shapes
// or dtypes do not match: cudaErrorInvalidValue.
struct GroupedSwiGlu {
  ConstMatrix x;                // [.., hidden] of the weights' dtype
  const int32_t* rows;          // [N] on the device
  const ExpertTile* tiles;      // [max_tiles] on the device
  const int32_t* num_tiles;     // how many of them there are, on the device; null: max_tiles
  int64_t max_tiles;            // for so many the kernels are started
  int64_t tile_rows;            // no tile has more rows
  const DeviceExpert* experts;  // on the device, read when the kernels run
  Matrix between;               // room for [N, intermediate] of the weights' dtype
  Matrix y;                     // [N, hidden] float32
  Path path = Path::kFastest;

  cudaError_t Compute(cudaStream_t stream) const;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_

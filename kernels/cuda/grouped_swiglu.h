// The experts of a layer on a CUDA device: grouped SwiGLU by tensor cores.

#ifndef OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_
#define OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/dtype.h"
#include "kernels/base/matrix.h"

namespace octet::cuda {

// The weights of an expert, bfloat16 on the device, dense and aligned to 16 bytes.
struct DeviceExpert {
  const BF16* w1;  // [intermediate, hidden]
  const BF16* w3;  // [intermediate, hidden]
  const BF16* w2;  // [hidden, intermediate]
};

// Rows [first, end) of one expert, as many as a block computes together at most.
struct ExpertTile {
  int32_t expert;
  int32_t first;
  int32_t end;
};

// Divides the rows offsets[e] <= i < offsets[e + 1] of each expert into tiles.
std::vector<ExpertTile> DivideIntoTiles(std::span<const int32_t> offsets);

// As Backend::GroupedSwiGlu: y[i] = w2 (silu(w1 x[rows[i]]) * (w3 x[rows[i]])) with the weights of
// the expert of row i; what w2 multiplies is rounded to bfloat16. x: [.., hidden] bfloat16; y: [N,
// hidden] float32; between: room for [N, intermediate] bfloat16. rows: [N], tiles: [num_tiles] and
// experts are arrays of the device. hidden, intermediate and the strides are multiples of 8, else
// cudaErrorInvalidValue.
struct GroupedSwiGlu {
  ConstMatrix x;
  const int32_t* rows;
  const ExpertTile* tiles;
  int64_t num_tiles;
  const DeviceExpert* experts;
  Matrix between;
  Matrix y;

  cudaError_t Compute(cudaStream_t stream) const;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_GROUPED_SWIGLU_H_

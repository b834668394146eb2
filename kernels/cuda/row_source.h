// Rows that a block multiplies.

#ifndef OCTET_KERNELS_CUDA_ROW_SOURCE_H_
#define OCTET_KERNELS_CUDA_ROW_SOURCE_H_

#include <cstdint>

#include "kernels/cuda/device.h"

namespace octet::cuda {

// Rows [first, end) of a matrix or, with `rows`, those that it names.
template <class T>
struct RowSource {
  const T* data;
  int64_t stride;
  int64_t first;
  int64_t end;
  const int32_t* rows = nullptr;

  OCTET_DEVICE int64_t Offset(int64_t i) const {
    return (rows == nullptr ? i : int64_t{rows[i]}) * stride;
  }
  OCTET_DEVICE const T* Row(int64_t i) const { return data + Offset(i); }
};

// Products give each thread its columns in pairs that lie so far apart: in ExpertWeights::gate_up,
// a pair is a gate and its up.
inline constexpr int kPairDistance = 16;

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ROW_SOURCE_H_

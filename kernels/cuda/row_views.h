// Rows of matrices, for kernels with a block for each row.

#ifndef OCTET_KERNELS_CUDA_ROW_VIEWS_H_
#define OCTET_KERNELS_CUDA_ROW_VIEWS_H_

#include "kernels/base/matrix.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {

inline constexpr int kRowThreads = 256;  // of a block, which computes a row

// A matrix as device code sees it.
template <class T>
struct Rows {
  T* data;
  int64_t cols;
  int64_t stride;

  OCTET_DEVICE T* operator[](int64_t row) const { return data + row * stride; }
};

template <class T>
Rows<const T> View(ConstMatrix m) {
  return {reinterpret_cast<const T*>(m.data), m.cols, m.stride};
}
template <class T>
Rows<T> View(Matrix m) {
  return {reinterpret_cast<T*>(m.data), m.cols, m.stride};
}

// A block for each of so many rows.
template <class... Parameters, class... Arguments>
cudaError_t LaunchRows(int64_t rows, cudaStream_t stream, void (*kernel)(Parameters...),
                       Arguments... arguments) {
  return Launch({.blocks_x = rows, .threads = kRowThreads}, stream, kernel, arguments...);
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ROW_VIEWS_H_

// Products on the emulated device, for tests.

#ifndef OCTET_TESTS_KERNELS_CUDA_PRODUCT_CASE_H_
#define OCTET_TESTS_KERNELS_CUDA_PRODUCT_CASE_H_

#include <cstdint>
#include <vector>

#include "kernels/cuda/matmul.h"
#include "tests/kernels/cuda/device_weights.h"

namespace octet::cuda {

// y = x w^T. x: [m, k] with rows `stride` apart; w: [n, k].
template <class T>
struct Product {
  int64_t m, n, k;
  Path path = Path::kFastest;
  int64_t stride = (k + 15) / 8 * 8;  // of x
  std::vector<T> x = Numbers<T>(m * stride, 1);
  std::vector<T> w = Numbers<T>(n * k, 2);

  cuda_emu::Compute OnDevice() const {
    return [*this](const cuda_emu::TestStream& stream) {
      const PackedRows<T> rows(w, n, k);
      const cuda_emu::DeviceArray<T> x_device(x, stream), w_device(rows.packed(), stream);
      const cuda_emu::DeviceArray<float> y(m * n);
      const PackedMatrix packed = rows.At(reinterpret_cast<std::byte*>(w_device.data()));
      EXPECT_EQ(Matmul(cuda_emu::ViewOf(x_device, m, k, stride), packed,
                       cuda_emu::ViewOf(y, m, n, n), stream, path),
                cudaSuccess);
      return y.Read(stream);
    };
  }

  // The same with the last `count` rows of x alone.
  Product LastRows(int64_t count) const {
    Product last = *this;
    last.m = count;
    last.x.erase(last.x.begin(), last.x.end() - count * stride);
    return last;
  }

  double operator()(int64_t row, int64_t col) const {
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      sum += double{ToFloat(x[row * stride + i])} * double{ToFloat(w[col * k + i])};
    }
    return sum;
  }
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_PRODUCT_CASE_H_

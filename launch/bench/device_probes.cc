#include "launch/bench/device_probes.h"

#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

// The operation is called several times, so that the wait for the last one counts for little.
template <class Operation>
double SecondsOf(Backend& backend, Operation operation) {
  constexpr int kCalls = 4;
  return MedianSeconds([&] {
           for (int i = 0; i < kCalls; ++i) operation();
           backend.Synchronize();
         }) /
         kCalls;
}

double ProductRate(Backend& backend, DType dtype, int64_t size, Matrix y) {
  const PackedMatrix w = AllocatePacked(backend, FormatOf(dtype), size, size);
  const Buffer buffer = backend.Allocate(size * size * SizeOf(dtype));
  const ConstMatrix x = {buffer.data(), dtype, size, size, size};
  const double seconds = SecondsOf(backend, [&] { backend.Matmul(x, w, y); });
  const auto n = static_cast<double>(size);
  return 2 * n * n * n / seconds;
}

}  // namespace

RankRates ProbeDevice(Backend& backend, DType dtype, int64_t size) {
  const int64_t bytes = size * size * static_cast<int64_t>(sizeof(float));
  const Buffer from = backend.Allocate(bytes);
  const Buffer to = backend.Allocate(bytes);
  const ConstMatrix x = {from.data(), DType::kF32, size, size, size};
  const Matrix y = {to.data(), DType::kF32, size, size, size};
  const double copy = SecondsOf(backend, [&] { backend.Convert(x, y); });
  RankRates rates = {.dram = 2 * static_cast<double>(bytes) / copy,
                     .dot_products = ProductRate(backend, dtype, size, y)};
  // Attention multiplies with tensor cores, each number in two parts of bfloat16.
  rates.float32_products = dtype == DType::kF32 ? rates.dot_products : rates.dot_products / 2;
  return rates;
}

}  // namespace octet

#include "tests/support/quantised_rows.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace octet {
namespace {

// The places of float16 numbers in a block of the format, in bytes.
std::vector<int> HalvesOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ5_1:
    case WeightFormat::kQ4_K:
    case WeightFormat::kQ5_K:
      return {0, 2};
    case WeightFormat::kQ6_K:
      return {208};
    default:
      return {0};
  }
}

}  // namespace

QuantisedRows::QuantisedRows(WeightFormat format, int64_t rows, int64_t cols)
    : format_(format), rows_(rows), cols_(cols), bytes_(rows * RowBytes(format, cols)) {}

template <class F>
void QuantisedRows::ForScales(F f) {
  const auto block = static_cast<size_t>(GeometryOf(format_).bytes);
  for (size_t at = 0; at < bytes_.size(); at += block) {
    for (const int half : HalvesOf(format_)) f(bytes_.data() + at + half);
  }
}

QuantisedRows QuantisedRows::Random(WeightFormat format, int64_t rows, int64_t cols, uint32_t seed,
                                    float scale) {
  QuantisedRows w(format, rows, cols);
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> byte(0, 255);
  std::normal_distribution<float> normal(0, scale);
  for (std::byte& b : w.bytes_) b = static_cast<std::byte>(byte(generator));
  w.ForScales([&](std::byte* half) {
    const uint16_t bits = FloatToHalf(normal(generator));
    std::memcpy(half, &bits, sizeof(bits));
  });
  return w;
}

QuantisedRows QuantisedRows::Filled(WeightFormat format, int64_t rows, int64_t cols,
                                    std::byte fill) {
  QuantisedRows w(format, rows, cols);
  std::ranges::fill(w.bytes_, fill);
  w.ForScales([](std::byte* half) {
    const uint16_t bits = FloatToHalf(0.5F);
    std::memcpy(half, &bits, sizeof(bits));
  });
  return w;
}

PackedMatrix PackAll(Backend& backend, const QuantisedRows& w) {
  PackedMatrix packed;
  packed.format = w.format();
  packed.rows = w.rows();
  packed.cols = w.cols();
  packed.buffer = backend.Allocate(PackedMatrix::Bytes(packed.format, packed.rows, packed.cols));
  for (int64_t p = 0; p < packed.num_panels(); ++p) {
    const int64_t first = p * PackedMatrix::kPanel;
    const auto count = static_cast<int>(std::min(PackedMatrix::kPanel, w.rows() - first));
    backend.packer().PackBlocks({w.row(first), w.row_bytes(), count}, p, packed);
  }
  return packed;
}

OwnedMatrix ReferenceMatmul(const OwnedMatrix& x, const QuantisedRows& w) {
  OwnedMatrix y(x.view().rows, w.rows());
  for (int64_t m = 0; m < y.view().rows; ++m) {
    std::vector<float> row(static_cast<size_t>(w.cols()));
    for (int64_t k = 0; k < w.cols(); ++k) row[k] = x.at(m, k);
    for (int64_t n = 0; n < w.rows(); ++n) y.set(m, n, ReferenceDot(w.format(), w.row(n), row));
  }
  return y;
}

}  // namespace octet

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

// Elements as stored: every kind of number, NaNs, infinities, denormals and ties among them.
std::vector<std::byte> AnyBits(size_t bytes) {
  std::mt19937 random(7);
  std::vector<std::byte> bits(bytes);
  for (std::byte& b : bits) b = static_cast<std::byte>(random());
  const uint32_t chosen[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7f800001,
                             0x7fc01234, 0xffffffff, 0x3f808000, 0x3f818000, 0x3f808001,
                             0x7f7fffff, 0x00000001, 0x00008000, 0x80000001, 0x7c007bff,
                             0xfc017c01, 0x000103ff, 0x04008001};
  for (size_t i = 0; i < std::size(chosen); ++i) {
    const size_t at = 12 * i;
    if (at + 4 <= bytes) std::memcpy(&bits[at], &chosen[i], 4);
  }
  return bits;
}

// An element of a matrix as the bits that a packed weight of `to` has of it.
uint32_t Expected(const std::byte* stored, DType from, DType to) {
  uint32_t bits = 0;
  std::memcpy(&bits, stored, SizeOf(from));
  if (from == to) return bits;
  const auto half = static_cast<uint16_t>(bits);
  const float value = from == DType::kF32    ? std::bit_cast<float>(bits)
                      : from == DType::kBF16 ? ToFloat(BF16{half})
                                             : HalfToFloat(half);
  return to == DType::kF32 ? std::bit_cast<uint32_t>(value) : ToBF16(value).bits;
}

// The layout as kernels/base/packed_matrix.h draws it.
std::vector<std::byte> ReferencePanel(ConstMatrix rows, DType to) {
  std::vector<std::byte> panel(PackedMatrix::PanelBytes(FormatOf(to), rows.cols));
  for (int64_t r = 0; r < rows.rows; ++r) {
    for (int64_t k = 0; k < rows.cols; ++k) {
      const int64_t element = to == DType::kF32 ? k * 16 + r : (k / 2 * 16 + r) * 2 + k % 2;
      const uint32_t bits = Expected(rows.row(r) + k * SizeOf(rows.dtype), rows.dtype, to);
      std::memcpy(&panel[element * SizeOf(to)], &bits, SizeOf(to));
    }
  }
  return panel;
}

TEST(PackTest, EveryPathWritesTheSameBits) {
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 1);
    for (const DType from : {DType::kF32, DType::kBF16, DType::kF16}) {
      for (const DType to : {DType::kF32, DType::kBF16}) {
        for (const int64_t cols : {1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 257}) {
          for (const int64_t rows : {1, 7, 15, 16}) {
            SCOPED_TRACE(testing::Message() << Name(isa) << ", " << Name(from) << " to " << Name(to)
                                            << ", " << rows << " x " << cols);
            const int64_t stride = cols + 3;
            const std::vector<std::byte> stored = AnyBits(rows * stride * SizeOf(from));
            const ConstMatrix matrix = {stored.data(), from, rows, cols, stride};
            PackedMatrix packed = {.buffer = {}, .format = FormatOf(to), .rows = 32, .cols = cols};
            packed.buffer = backend->Allocate(PackedMatrix::Bytes(FormatOf(to), 32, cols));
            std::memset(packed.buffer.data(), 0x55, packed.buffer.bytes());
            backend->packer().PackPanel(matrix, 1, packed);
            const std::vector<std::byte> expected = ReferencePanel(matrix, to);
            EXPECT_EQ(std::memcmp(packed.panel(1), expected.data(), expected.size()), 0);
            for (size_t i = 0; i < packed.panel_bytes(); ++i) {
              ASSERT_EQ(packed.panel(0)[i], std::byte{0x55});
            }
          }
        }
      }
    }
  }
}

TEST(PackTest, EveryHalfAndEveryUpperHalfOfAFloat) {
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 2);
    for (const DType from : {DType::kBF16, DType::kF16}) {
      for (const DType to : {DType::kF32, DType::kBF16}) {
        constexpr int64_t kCols = 4096;
        std::vector<uint16_t> all(16 * kCols);
        for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
        const ConstMatrix matrix = {reinterpret_cast<const std::byte*>(all.data()), from, 16, kCols,
                                    kCols};
        PackedMatrix packed = {.buffer = {}, .format = FormatOf(to), .rows = 16, .cols = kCols};
        packed.buffer = backend->Allocate(PackedMatrix::Bytes(FormatOf(to), 16, kCols));
        backend->packer().Pack(matrix, 0, 1, packed);
        const std::vector<std::byte> expected = ReferencePanel(matrix, to);
        EXPECT_EQ(std::memcmp(packed.panel(0), expected.data(), expected.size()), 0)
            << Name(isa) << ", " << Name(from) << " to " << Name(to);
      }
    }
  }
}

}  // namespace
}  // namespace octet

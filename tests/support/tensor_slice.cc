#include "tests/support/tensor_slice.h"

#include <gtest/gtest.h>

#include <cstring>

namespace octet {

std::vector<float> ReadFloats(const TensorSlice& slice) {
  std::vector<std::byte> bytes(slice.bytes());
  const absl::Status read = slice.file->Read(slice.offset, bytes);
  EXPECT_TRUE(read.ok()) << read;
  std::vector<float> values(slice.rows * slice.cols);
  for (size_t i = 0; i < values.size(); ++i) {
    const std::byte* at = bytes.data() + i * SizeOf(ElementType(slice.format));
    uint16_t half = 0;
    std::memcpy(&half, at, sizeof(half));
    if (slice.format == WeightFormat::kF32) std::memcpy(&values[i], at, sizeof(float));
    if (slice.format == WeightFormat::kBF16) values[i] = ToFloat(BF16{half});
    if (slice.format == WeightFormat::kF16) values[i] = HalfToFloat(half);
  }
  return values;
}

}  // namespace octet

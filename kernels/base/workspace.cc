#include "kernels/base/workspace.h"

#include <algorithm>

namespace octet {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kMinBlock = size_t{1} << 20;

size_t RoundUp(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

}  // namespace

Matrix Workspace::Alloc(int64_t rows, int64_t cols, DType dtype) {
  OCTET_CHECK(dtype != DType::kInt8Blocks);
  size_t stride = RoundUp(RowBytes(dtype, cols));
  // Rows a power of two apart would compete for the same few sets of the caches.
  if (stride % 512 == 0) stride += kLine;
  return {Take(stride * static_cast<size_t>(rows)), dtype, rows, cols,
          static_cast<int64_t>(stride / SizeOf(dtype))};
}

Matrix Workspace::AllocDense(int64_t rows, int64_t cols, DType dtype) {
  return {Take(static_cast<size_t>(rows) * RowBytes(dtype, cols)), dtype, rows, cols, cols};
}

std::byte* Workspace::Take(size_t bytes) {
  bytes = RoundUp(bytes);
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].bytes()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t last = blocks_.empty() ? 0 : blocks_.back().bytes();
    blocks_.push_back(allocate_(std::max({bytes, kMinBlock, 2 * last})));
  }
  std::byte* taken = blocks_[block_].data() + used_;
  used_ += bytes;
  return taken;
}

}  // namespace octet

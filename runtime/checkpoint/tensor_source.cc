#include "runtime/checkpoint/tensor_source.h"

#include <algorithm>
#include <span>

namespace octet {

int64_t RowsOf(const std::vector<Dim>& dims) {
  int64_t rows = 1;
  for (const Dim& dim : std::span(dims).first(dims.size() - 1)) rows *= dim.size;
  return rows;
}

bool HasDims(const std::vector<uint64_t>& shape, const std::vector<Dim>& dims) {
  return std::equal(
      dims.begin(), dims.end(), shape.begin(), shape.end(),
      [](const Dim& dim, uint64_t size) { return static_cast<uint64_t>(dim.size) == size; });
}

}  // namespace octet

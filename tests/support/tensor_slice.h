#ifndef OCTET_TESTS_SUPPORT_TENSOR_SLICE_H_
#define OCTET_TESTS_SUPPORT_TENSOR_SLICE_H_

#include <vector>

#include "runtime/checkpoint/mixtral_tensors.h"

namespace octet {

// [rows * cols], as the file has them, of any floating point dtype.
std::vector<float> ReadFloats(const TensorSlice& slice);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_TENSOR_SLICE_H_

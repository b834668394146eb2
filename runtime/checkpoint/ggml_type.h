#ifndef OCTET_RUNTIME_CHECKPOINT_GGML_TYPE_H_
#define OCTET_RUNTIME_CHECKPOINT_GGML_TYPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/base/weight_format.h"

namespace octet {

// A type of tensors in GGUF. Elements are stored in blocks: 32 elements of Q4_0 take 18 bytes.
// Source: https://github.com/ggml-org/ggml, include/ggml.h (enum ggml_type) and src/ggml-common.h
// (the blocks).
struct GgmlType {
  uint32_t id = 0;
  const char* name = nullptr;
  uint64_t block_elements = 0;
  uint64_t block_bytes = 0;
  std::optional<WeightFormat> format;  // if Octet computes with it
};

// Returns the type with this number, or nullptr if there is none.
const GgmlType* FindGgmlType(uint32_t id);

// Returns all types for a message: "F32 (0), F16 (1), …".
std::string GgmlTypeList();

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGML_TYPE_H_

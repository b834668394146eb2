#include "runtime/checkpoint/ggml_type.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <span>

namespace octet {
namespace {

GgmlType Computed(uint32_t id, WeightFormat format) {
  const BlockGeometry geometry = GeometryOf(format);
  return {id, Name(format), static_cast<uint64_t>(geometry.weights),
          static_cast<uint64_t>(geometry.bytes), format};
}

// Numbers that are not here belonged to types that ggml removed.
std::span<const GgmlType> GgmlTypes() {
  using enum WeightFormat;
  static const GgmlType kTypes[] = {
      Computed(0, kF32),        Computed(1, kF16),        Computed(2, kQ4_0),
      Computed(3, kQ4_1),       Computed(6, kQ5_0),       Computed(7, kQ5_1),
      Computed(8, kQ8_0),       {9, "Q8_1", 32, 36},      {10, "Q2_K", 256, 84},
      {11, "Q3_K", 256, 110},   Computed(12, kQ4_K),      Computed(13, kQ5_K),
      Computed(14, kQ6_K),      {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
      {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
      {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
      {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
      {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
      {29, "IQ1_M", 256, 56},   Computed(30, kBF16),      {34, "TQ1_0", 256, 54},
      {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},    {40, "NVFP4", 64, 36},
      {41, "Q1_0", 128, 18},
  };
  return kTypes;
}

}  // namespace

const GgmlType* FindGgmlType(uint32_t id) {
  const auto found = std::ranges::find(GgmlTypes(), id, &GgmlType::id);
  return found == GgmlTypes().end() ? nullptr : &*found;
}

std::string GgmlTypeList() {
  return absl::StrJoin(GgmlTypes(), ", ", [](std::string* out, const GgmlType& type) {
    absl::StrAppend(out, type.name, " (", type.id, ")");
  });
}

}  // namespace octet

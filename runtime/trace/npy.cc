#include "runtime/trace/npy.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

namespace octet {

std::string NpyHeader(std::string_view dtype, std::span<const int64_t> shape) {
  constexpr size_t kAlignment = 64;
  constexpr std::string_view kBegin("\x93NUMPY\x01\x00", 8);
  std::string text = absl::StrCat("{'descr': '", absl::string_view(dtype.data(), dtype.size()),
                                  "', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(shape, ", "), shape.size() == 1 ? ",), }" : "), }");
  const size_t used = kBegin.size() + sizeof(uint16_t) + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  const auto size = static_cast<uint16_t>(text.size());
  std::string header(kBegin);
  header += static_cast<char>(size & 0xff);
  header += static_cast<char>(size >> 8);
  return header + text;
}

}  // namespace octet

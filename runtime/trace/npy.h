// Arrays in the format that numpy.load reads.

#ifndef OCTET_RUNTIME_TRACE_NPY_H_
#define OCTET_RUNTIME_TRACE_NPY_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace octet {

inline constexpr std::string_view kNpyInt16 = "<i2";
inline constexpr std::string_view kNpyFloat16 = "<f2";

// Returns the header that precedes the elements. The elements follow in C order. Format 1.0:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::string NpyHeader(std::string_view dtype, std::span<const int64_t> shape);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_NPY_H_

// The kind of a file that is not JSON lines, by its first bytes.

#ifndef OCTET_RUNTIME_IO_INPUT_KIND_H_
#define OCTET_RUNTIME_IO_INPUT_KIND_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace octet {

// The bytes that are enough to distinguish all kinds.
inline constexpr size_t kInputKindBytes = size_t{64} << 10;

inline constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";  // the "BOM", which has no meaning

// Explains to the user why a file that begins with `start`, decompressed, has no lines of JSON
// objects: what it is, and how to make such lines. "is compressed by xz; ...". Empty if it may have
// such lines: a single bad line is an error of that line.
std::string WhyNotJsonLines(std::string_view start);

// Returns whether a line begins like a JSON object, or there is no line.
bool MayHaveJsonLines(std::string_view start);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_INPUT_KIND_H_

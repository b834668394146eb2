// What a file is that is no JSON lines, by its first bytes.

#ifndef OCTET_RUNTIME_IO_INPUT_KIND_H_
#define OCTET_RUNTIME_IO_INPUT_KIND_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace octet {

// So many bytes tell all kinds apart.
inline constexpr size_t kInputKindBytes = size_t{64} << 10;

inline constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";  // "BOM", of no meaning

// What a person should know who gave a file that begins with `start`, decompressed, in place of
// lines of JSON objects: what it is, and what makes such lines of it. "is compressed by xz; ...".
// Empty where it may be such lines: a line that is none is the line's own fault.
std::string WhyNotJsonLines(std::string_view start);

// Whether a line begins as a JSON object does, or there is no line.
bool MayHaveJsonLines(std::string_view start);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_INPUT_KIND_H_

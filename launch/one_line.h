// What a person is told, whatever stands in it.

#ifndef OCTET_LAUNCH_ONE_LINE_H_
#define OCTET_LAUNCH_ONE_LINE_H_

#include <string>
#include <string_view>

namespace octet {

// `text` as one line of UTF-8 for a terminal or a log: control characters are escaped, bytes that
// are not UTF-8 replaced, and the middle of a long one is left out.
std::string OneLine(std::string_view text);

}  // namespace octet

#endif  // OCTET_LAUNCH_ONE_LINE_H_

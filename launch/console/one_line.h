// Any text in a form that is safe to show.

#ifndef OCTET_LAUNCH_CONSOLE_ONE_LINE_H_
#define OCTET_LAUNCH_CONSOLE_ONE_LINE_H_

#include <string>
#include <string_view>

namespace octet {

// Returns `text` as one line of UTF-8 for a terminal or a log. Escapes control characters, replaces
// bytes that are not UTF-8, and leaves out the middle of a long text.
std::string OneLine(std::string_view text);

// Returns the same with its newlines and tabs as they are, and nothing left out.
std::string PrintableLines(std::string_view text);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_ONE_LINE_H_

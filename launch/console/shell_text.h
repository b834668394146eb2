// Commands in a form that can be pasted.

#ifndef OCTET_LAUNCH_CONSOLE_SHELL_TEXT_H_
#define OCTET_LAUNCH_CONSOLE_SHELL_TEXT_H_

#include <string>
#include <vector>

namespace octet {

// Returns the words as a shell takes them.
std::string ShellText(const std::vector<std::string>& words);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_SHELL_TEXT_H_

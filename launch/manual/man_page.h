// The manual page of the program.

#ifndef OCTET_LAUNCH_MANUAL_MAN_PAGE_H_
#define OCTET_LAUNCH_MANUAL_MAN_PAGE_H_

#include <string>

#include "launch/command_line.h"

namespace octet {

// Returns the page octet(1) in the macros of man(7), with every command and flag of `program`.
std::string FormatManPage(const CommandDescription& program, const std::string& version);

}  // namespace octet

#endif  // OCTET_LAUNCH_MANUAL_MAN_PAGE_H_

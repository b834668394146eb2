// Completion of the command line in shells.

#ifndef OCTET_LAUNCH_MANUAL_COMPLETION_H_
#define OCTET_LAUNCH_MANUAL_COMPLETION_H_

#include <string>

#include "launch/command_line.h"

namespace octet {

// Returns a script for bash that completes the commands and flags of `program`, and file names for
// values and arguments, after "octet" and "octet-run".
std::string FormatBashCompletion(const CommandDescription& program);

// The same for fish.
std::string FormatFishCompletion(const CommandDescription& program);

// The same for zsh: a file _octet of its fpath, which can be sourced as well.
std::string FormatZshCompletion(const CommandDescription& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_MANUAL_COMPLETION_H_

// octet man and octet completion: what a package installs beside the program.

#ifndef OCTET_LAUNCH_MANUAL_MANUAL_COMMANDS_H_
#define OCTET_LAUNCH_MANUAL_MANUAL_COMMANDS_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddMan(CommandLine& program);
std::unique_ptr<Subcommand> AddCompletion(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_MANUAL_MANUAL_COMMANDS_H_

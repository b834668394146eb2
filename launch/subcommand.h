// The common base of octet's subcommands.

#ifndef OCTET_LAUNCH_SUBCOMMAND_H_
#define OCTET_LAUNCH_SUBCOMMAND_H_

#include <string>

#include "launch/command_line.h"
#include "launch/exit_code.h"
#include "parallel/transport/communicator.h"

namespace octet {

// One subcommand: its flags, which a constructor adds to the program's, and its work.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  Subcommand(const Subcommand&) = delete;
  Subcommand& operator=(const Subcommand&) = delete;

  // Returns whether the user asked for this one. Call it after parsing.
  bool chosen() const { return line_.chosen(); }

  // Collective. Runs the subcommand, after parsing, on every rank.
  virtual ExitCode Run(Communicator& world) = 0;

 protected:
  Subcommand(CommandLine& parent, const std::string& name, const std::string& help)
      : line_(parent, name, help) {}

  CommandLine& line() { return line_; }

 private:
  CommandLine line_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SUBCOMMAND_H_

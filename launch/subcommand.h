// What octet's subcommands have in common.

#ifndef OCTET_LAUNCH_SUBCOMMAND_H_
#define OCTET_LAUNCH_SUBCOMMAND_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "launch/command_line.h"
#include "launch/exit_code.h"
#include "launch/job_setup.h"
#include "launch/progress.h"
#include "launch/run_config.h"
#include "launch/session.h"
#include "launch/terminal.h"
#include "parallel/communicator.h"
#include "proto/config.pb.h"
#include "runtime/io/file.h"

namespace octet {

// One subcommand: its flags, which a constructor adds to the program's, and what it does.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  Subcommand(const Subcommand&) = delete;
  Subcommand& operator=(const Subcommand&) = delete;

  // After parsing: this is the one that was asked for.
  bool chosen() const { return line_.chosen(); }

  // Collective: after parsing, on every rank.
  virtual ExitCode Run(Communicator& world) = 0;

 protected:
  Subcommand(CommandLine& parent, const std::string& name, const std::string& help)
      : line_(parent, name, help) {}

  CommandLine& line() { return line_; }

 private:
  CommandLine line_;
};

// To a person, from rank 0, on standard error, as one line.
void Say(const Communicator& world, const std::string& text);

// The same of several lines, with newlines between them.
void SayLines(const Communicator& world, const std::string& text);

// Says what is wrong.
ExitCode ExitWith(const Communicator& world, const absl::Status& status, ExitCode code);

// Collective: the settings, or the error of the lowest rank that has one; a --config file may be
// missing on one host only.
absl::StatusOr<RunConfig> ResolveOnAllRanks(Communicator& world, const RunConfigFlags& flags);

// Collective: SetUpJob, and what a person should know of it: notes, ranks, for a dry run the memory
// plan. Nothing of it where `check`, of this rank, finds something wrong: errors are agreed on.
absl::StatusOr<JobSetup> SetUpAndSay(
    Communicator& world, const RunConfig& config, FileSystem& files,
    const std::function<absl::Status(const JobSetup&)>& check = nullptr);

// Progress as --progress asks: on rank 0's standard error, nothing on other ranks.
class RankProgress {
 public:
  // Collective; errors are agreed on.
  static absl::StatusOr<std::unique_ptr<RankProgress>> Make(Communicator& world,
                                                            const RunConfig& config);

  Progress& progress() { return *progress_; }

 private:
  RankProgress() : terminal_(Terminal::OfStandardError()) {}

  std::optional<Terminal> terminal_;
  std::unique_ptr<Progress> progress_;
};

// Collective: loads the model and says how far it is; with --pack-cache from there, and what is not
// there yet is put there.
absl::StatusOr<std::unique_ptr<Session>> LoadSession(Communicator& world, const RunConfig& config,
                                                     const JobSetup& setup, FileSystem& files,
                                                     Progress& progress);

}  // namespace octet

#endif  // OCTET_LAUNCH_SUBCOMMAND_H_

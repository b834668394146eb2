#include "launch/manual/manual_commands.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <iostream>
#include <string>

#include "launch/console/console.h"
#include "launch/manual/completion.h"
#include "launch/manual/man_page.h"
#include "launch/version.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

class ManCommand : public Subcommand {
 public:
  explicit ManCommand(CommandLine& program)
      : Subcommand(program, "man", "print the manual page: octet man | man -l -"),
        program_(program) {}

  ExitCode Run(Communicator& world) override {
    if (world.rank() == 0) {
      std::cout << FormatManPage(program_.Describe(), OctetRelease()) << std::flush;
    }
    return ExitCode::kDone;
  }

 private:
  CommandLine& program_;
};

class CompletionCommand : public Subcommand {
 public:
  explicit CompletionCommand(CommandLine& program)
      : Subcommand(program, "completion",
                   "print a script that completes commands: source <(octet completion bash)"),
        program_(program) {
    line().AddRequiredText("shell", shell_, "bash, fish or zsh");
  }

  ExitCode Run(Communicator& world) override {
    std::string script;
    if (shell_ == "bash") {
      script = FormatBashCompletion(program_.Describe());
    } else if (shell_ == "fish") {
      script = FormatFishCompletion(program_.Describe());
    } else if (shell_ == "zsh") {
      script = FormatZshCompletion(program_.Describe());
    } else {
      return ExitWith(
          world,
          absl::InvalidArgumentError(absl::StrCat(
              "octet completion: the shell must be bash, fish or zsh, not ", Quoted(shell_))),
          ExitCode::kCannotServe);
    }
    if (world.rank() == 0) std::cout << script << std::flush;
    return ExitCode::kDone;
  }

 private:
  CommandLine& program_;
  std::string shell_;
};

}  // namespace

std::unique_ptr<Subcommand> AddMan(CommandLine& program) {
  return std::make_unique<ManCommand>(program);
}

std::unique_ptr<Subcommand> AddCompletion(CommandLine& program) {
  return std::make_unique<CompletionCommand>(program);
}

}  // namespace octet

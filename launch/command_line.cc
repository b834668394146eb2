#include "launch/command_line.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace octet {

CommandLine::CommandLine(const std::string& help)
    : program_(std::make_unique<CLI::App>(help)), app_(*program_) {}

CommandLine::CommandLine(CommandLine& parent, const std::string& name, const std::string& help)
    : app_(*parent.app_.add_subcommand(name, help)) {
  parent.app_.require_subcommand(1);
}

CommandLine::~CommandLine() = default;

void CommandLine::AddVersion(const std::string& text) { app_.set_version_flag("--version", text); }

void CommandLine::AddText(const std::string& names, std::string& value, const std::string& help) {
  app_.add_option(names, value, help);
}

void CommandLine::AddRequiredText(const std::string& names, std::string& value,
                                  const std::string& help) {
  app_.add_option(names, value, help)->required();
}

void CommandLine::AddCount(const std::string& names, int& value, const std::string& help) {
  app_.add_option(names, value, help)->check(CLI::PositiveNumber);
}

void CommandLine::AddCount(const std::string& names, int64_t& value, const std::string& help) {
  app_.add_option(names, value, help)->check(CLI::PositiveNumber);
}

void CommandLine::AddCounts(const std::string& names, std::vector<int64_t>& values,
                            const std::string& help) {
  app_.add_option(names, values, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
}

void CommandLine::OnText(const std::string& names,
                         const std::function<void(const std::string&)>& set,
                         const std::string& help) {
  app_.add_option_function(names, set, help);
}

void CommandLine::OnSwitch(const std::string& names, const std::function<void()>& set,
                           const std::string& help) {
  app_.add_flag_callback(names, set, help);
}

void CommandLine::OnOptionalText(const std::string& names,
                                 const std::function<void(const std::string&)>& set,
                                 const std::string& help) {
  // CLI11 gives a flag without a value this one.
  app_.add_flag(names, help)->each([set](const std::string& value) {
    set(value == "true" ? "" : value);
  });
}

void CommandLine::OnTexts(const std::string& names,
                          const std::function<void(const std::vector<std::string>&)>& set,
                          const std::string& help) {
  app_.add_option_function(names, set, help);
}

std::optional<EarlyExit> CommandLine::Parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& why) {
    std::ostringstream output;
    std::ostringstream error;
    const int code = app_.exit(why, output, error);
    return EarlyExit{.code = code == 0 ? ExitCode::kDone : ExitCode::kCannotServe,
                     .output = output.str(),
                     .error = error.str()};
  }
  return std::nullopt;
}

bool CommandLine::chosen() const { return app_.parsed(); }

}  // namespace octet

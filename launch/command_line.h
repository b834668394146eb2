// The command line: its flags and commands, and their values.

#ifndef OCTET_LAUNCH_COMMAND_LINE_H_
#define OCTET_LAUNCH_COMMAND_LINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/number_range.h"
#include "launch/exit_code.h"

namespace CLI {
class App;
}

namespace octet {

// The end of the program without a command: the user asked for help or the version, or the line is
// wrong.
struct EarlyExit {
  ExitCode code = ExitCode::kCannotServe;
  std::string output;  // for standard output
  std::string error;   // for standard error: a sentence
};

// A flag of a command, or an argument without a name.
struct FlagDescription {
  std::vector<std::string> names;  // "-o", "--output"; empty for an argument
  std::string value;               // "TEXT"; empty for a switch. For an argument its name
  std::string help;
};

// A command with its flags and its own commands, as its --help has them.
struct CommandDescription {
  std::string name;  // empty for the program
  std::string help;
  std::vector<FlagDescription> flags;
  std::vector<CommandDescription> commands;
};

// The flags and commands of the program, or of one of its commands. Names are "--name", "-n,--name"
// or, if no flag is needed, "name". Values must outlive the parsing. A flag without "may be
// repeated" is refused when it is given twice, and no text may be empty. The implementation uses
// CLI11, which takes so long to compile that no other file includes it.
class CommandLine {
 public:
  explicit CommandLine(const std::string& help);

  // The line of a command. The parent then needs one of its commands, and must outlive this object.
  CommandLine(CommandLine& parent, const std::string& name, const std::string& help);

  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Adds --version, which prints `text`.
  void AddVersion(const std::string& text);

  void AddText(const std::string& names, std::string& value, const std::string& help);
  void AddRequiredText(const std::string& names, std::string& value, const std::string& help);

  // Adds a whole number in `range`, which the help states.
  void AddCount(const std::string& names, int& value, NumberRange<int> range,
                const std::string& help);
  void AddCount(const std::string& names, int64_t& value, NumberRange<int64_t> range,
                const std::string& help);

  // Adds a list of whole numbers in `range`, with commas between them. kMostCounts bounds their
  // number, because each is tried.
  static constexpr size_t kMostCounts = 64;
  void AddCounts(const std::string& names, std::vector<int64_t>& values, NumberRange<int64_t> range,
                 const std::string& help);

  // Calls `set` if the flag is given.
  void OnText(const std::string& names, const std::function<void(const std::string&)>& set,
              const std::string& help);
  void OnSwitch(const std::string& names, const std::function<void()>& set,
                const std::string& help);

  // The same for a flag that may have a value, as --name=VALUE; "" if it has none.
  void OnOptionalText(const std::string& names, const std::function<void(const std::string&)>& set,
                      const std::string& help);

  // The same for a flag that may be repeated.
  void OnTexts(const std::string& names,
               const std::function<void(const std::vector<std::string>&)>& set,
               const std::string& help);

  // Parses the line of the whole program: sets the values and calls the functions. If the program
  // ends instead, returns why: in one sentence if the line is wrong. Help takes precedence over
  // errors.
  std::optional<EarlyExit> Parse(int argc, const char* const* argv);

  // Returns whether this command was given. Call it after parsing.
  bool chosen() const;

  // Returns all flags and commands.
  CommandDescription Describe() const;

 private:
  std::unique_ptr<CLI::App> program_;  // null for a command, whose App the program's owns
  CLI::App& app_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_COMMAND_LINE_H_

// What may stand on the command line, and what does.

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

// The program ends without a command: help or the version was asked for, or the line is wrong.
struct EarlyExit {
  ExitCode code = ExitCode::kCannotServe;
  std::string output;  // for standard output
  std::string error;   // for standard error: a sentence
};

// The flags and commands of the program, or of one of its commands. Names are "--name", "-n,--name"
// or, of what needs no flag, "name". Values must outlive the parsing. A flag without a "may be
// repeated" is refused when it is given twice, and no text may be empty. CLI11 is behind it, and
// takes so long to compile that nothing else includes it.
class CommandLine {
 public:
  explicit CommandLine(const std::string& help);

  // The line of a command, of which the parent then needs one. It must not outlive the parent.
  CommandLine(CommandLine& parent, const std::string& name, const std::string& help);

  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // --version, which prints `text`.
  void AddVersion(const std::string& text);

  void AddText(const std::string& names, std::string& value, const std::string& help);
  void AddRequiredText(const std::string& names, std::string& value, const std::string& help);

  // A whole number of the range, which the help states.
  void AddCount(const std::string& names, int& value, NumberRange<int> range,
                const std::string& help);
  void AddCount(const std::string& names, int64_t& value, NumberRange<int64_t> range,
                const std::string& help);

  // Whole numbers of the range, with commas between them; not too many to be tried one by one.
  static constexpr size_t kMostCounts = 64;
  void AddCounts(const std::string& names, std::vector<int64_t>& values, NumberRange<int64_t> range,
                 const std::string& help);

  // Calls `set` if the flag is given.
  void OnText(const std::string& names, const std::function<void(const std::string&)>& set,
              const std::string& help);
  void OnSwitch(const std::string& names, const std::function<void()>& set,
                const std::string& help);

  // The same for a flag that may have a value, as --name=VALUE; "" where it has none.
  void OnOptionalText(const std::string& names, const std::function<void(const std::string&)>& set,
                      const std::string& help);

  // The same for a flag that may be repeated.
  void OnTexts(const std::string& names,
               const std::function<void(const std::vector<std::string>&)>& set,
               const std::string& help);

  // Parses the line of the whole program: sets the values and calls the functions, or says why it
  // ends: in one sentence where the line is wrong. Help wins over what is wrong beside it.
  std::optional<EarlyExit> Parse(int argc, const char* const* argv);

  // After parsing: this command was given.
  bool chosen() const;

 private:
  std::unique_ptr<CLI::App> program_;  // null for a command, which belongs to the program's
  CLI::App& app_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_COMMAND_LINE_H_

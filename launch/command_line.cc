#include "launch/command_line.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <span>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Arguments = std::span<const std::string>;

// A command with the program's name, which CLI11 does not know before it parses.
struct Command {
  const CLI::App* app;
  std::string path;  // "octet bench"
};

// The command that a line names, and the fault of the word that should name the next one.
struct NamedCommand {
  Command command;
  std::optional<std::string> fault;
};

using Commands = std::vector<const CLI::App*>;

Commands CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string NamesOf(const Commands& commands) {
  return absl::StrJoin(commands, ", ", [](std::string* out, const CLI::App* command) {
    absl::StrAppend(out, command->get_name());
  });
}

NamedCommand FindCommand(Command command, Arguments arguments) {
  std::string flag;
  for (const std::string& word : arguments) {
    const Commands commands = CommandsOf(*command.app);
    if (word == "--" || commands.empty()) break;
    if (word.starts_with('-')) {
      flag = word;
      continue;
    }
    const auto next =
        std::find_if(commands.begin(), commands.end(),
                     [&word](const CLI::App* candidate) { return candidate->get_name() == word; });
    if (next == commands.end()) {
      return {command, flag.empty() ? absl::StrCat("there is no command ", Quoted(word))
                                    : absl::StrCat(Quoted(flag), " stands before the command")};
    }
    command = {*next, absl::StrCat(command.path, " ", word)};
  }
  return {command, std::nullopt};
}

bool AsksForHelp(Arguments arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end,
                     [](const std::string& word) { return word == "--help" || word == "-h"; });
}

std::string HelpOf(const Command& command) {
  const size_t parent = command.path.rfind(' ');
  // CLI11 adds the command's own name to those of its parents.
  if (parent != std::string::npos) return command.app->help(command.path.substr(0, parent));
  return command.app->help();
}

EarlyExit Refuse(const Command& command, const std::string& reason) {
  return {.code = ExitCode::kCannotServe,
          .output = {},
          .error = absl::StrCat(command.path, ": ", reason, "; see '", command.path, " --help'")};
}

EarlyExit RefuseCommand(const NamedCommand& named) {
  return Refuse(named.command, absl::StrCat(*named.fault, ": choose one of ",
                                            NamesOf(CommandsOf(*named.command.app))));
}

EarlyExit RefuseNoCommand(const Command& command) {
  EarlyExit exit = Refuse(command, absl::StrCat("a command is missing: choose one of ",
                                                NamesOf(CommandsOf(*command.app))));
  exit.output = HelpOf(command);
  return exit;
}

// Rewords CLI11's reason, which is about types and numbers of values.
std::string ReasonOfMismatch(const CLI::App& app, const CLI::Error& why) {
  for (const CLI::Option* option : app.get_options()) {
    const bool is_single = option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
                           option->get_expected_max() <= 1;
    if (is_single && option->count() > 1) {
      return absl::StrCat(option->get_name(), " is given more than once");
    }
  }
  const std::string text = why.what();
  return absl::StrCat(text.substr(0, text.find(':')), " needs a value");
}

std::string Reason(const CLI::App& program, const CLI::App& app, const CLI::Error& why) {
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&why) != nullptr) {
    return ReasonOfMismatch(app, why);
  }
  const std::vector<std::string> extras = program.remaining(/*recurse=*/true);
  if (dynamic_cast<const CLI::ExtrasError*>(&why) != nullptr && !extras.empty()) {
    return absl::StrCat(Quoted(extras.front()), extras.front().starts_with('-')
                                                    ? " is no flag of this command"
                                                    : " is one argument too many");
  }
  std::string text = why.what();
  return text;
}

// Returns "--output" for "-o,--output".
std::string LongName(const std::string& names) { return names.substr(names.rfind(',') + 1); }

template <class T>
T ParseCount(const std::string& names, NumberRange<T> range, const std::string& text) {
  const std::optional<T> number = range.Parse(text);
  if (number) return *number;
  throw CLI::ValidationError(
      absl::StrCat(LongName(names), " ", range.Rule(), ", not ", Quoted(text)));
}

// Adds an option. `set` may throw exceptions that CLI11's parser passes on.
CLI::Option* AddOption(CLI::App& app, const std::string& names, const std::string& help,
                       const std::function<void(const std::string&)>& set) {
  return app.add_option_function<std::string>(names, set, help);
}

template <class T>
void AddNumber(CLI::App& app, const std::string& names, T& value, NumberRange<T> range,
               const std::string& help) {
  AddOption(
      app, names, absl::StrCat(help, "; ", range.Limits()),
      [names, range, &value](const std::string& text) { value = ParseCount(names, range, text); })
      ->type_name("N");
}

CLI::Option* AddTextOption(CLI::App& app, const std::string& names, std::string& value,
                           const std::string& help) {
  return AddOption(app, names, help, [names, &value](const std::string& text) {
    if (text.empty()) throw CLI::ValidationError(LongName(names) + " must not be empty");
    value = text;
  });
}

FlagDescription DescribeFlag(const CLI::Option& option) {
  FlagDescription flag;
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  const bool has_value = option.get_items_expected_max() > 0;
  if (has_value) flag.value = flag.names.empty() ? option.get_name() : option.get_type_name();
  flag.help = option.get_description();
  return flag;
}

CommandDescription DescribeCommand(const CLI::App& app) {
  CommandDescription command = {.name = app.get_name(), .help = app.get_description()};
  for (const CLI::Option* option : app.get_options()) {
    command.flags.push_back(DescribeFlag(*option));
  }
  for (const CLI::App* sub : CommandsOf(app)) command.commands.push_back(DescribeCommand(*sub));
  return command;
}

}  // namespace

CommandLine::CommandLine(const std::string& help)
    : program_(std::make_unique<CLI::App>(help)), app_(*program_) {}

CommandLine::CommandLine(CommandLine& parent, const std::string& name, const std::string& help)
    : app_(*parent.app_.add_subcommand(name, help)) {
  parent.app_.require_subcommand(1);
}

CommandLine::~CommandLine() = default;

void CommandLine::AddVersion(const std::string& text) { app_.set_version_flag("--version", text); }

void CommandLine::AddText(const std::string& names, std::string& value, const std::string& help) {
  AddTextOption(app_, names, value, help);
}

void CommandLine::AddRequiredText(const std::string& names, std::string& value,
                                  const std::string& help) {
  AddTextOption(app_, names, value, help)->required();
}

void CommandLine::AddCount(const std::string& names, int& value, NumberRange<int> range,
                           const std::string& help) {
  AddNumber(app_, names, value, range, help);
}

void CommandLine::AddCount(const std::string& names, int64_t& value, NumberRange<int64_t> range,
                           const std::string& help) {
  AddNumber(app_, names, value, range, help);
}

void CommandLine::AddCounts(const std::string& names, std::vector<int64_t>& values,
                            NumberRange<int64_t> range, const std::string& help) {
  const auto set = [names, range, &values](const std::string& text) {
    values.clear();
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      values.push_back(ParseCount(names, range, std::string(part)));
      if (values.size() <= kMostCounts) continue;
      throw CLI::ValidationError(
          absl::StrCat(LongName(names), " takes at most ", kMostCounts, " numbers"));
    }
  };
  AddOption(app_, names, absl::StrCat(help, "; ", range.Limits(), " each"), set)
      ->type_name("N,N,...");
}

void CommandLine::OnText(const std::string& names,
                         const std::function<void(const std::string&)>& set,
                         const std::string& help) {
  AddOption(app_, names, help, set);
}

void CommandLine::OnSwitch(const std::string& names, const std::function<void()>& set,
                           const std::string& help) {
  app_.add_flag_callback(names, set, help);
}

void CommandLine::OnOptionalText(const std::string& names,
                                 const std::function<void(const std::string&)>& set,
                                 const std::string& help) {
  // CLI11 gives "true" to a flag without a value.
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
  const std::vector<std::string> words(argv, argv + argc);
  const std::string name = std::filesystem::path(words.at(0)).filename().string();
  app_.name(name);
  Arguments arguments = Arguments(words).subspan(1);
  const bool is_help_command = !arguments.empty() && arguments.front() == "help";
  if (is_help_command) arguments = arguments.subspan(1);

  const NamedCommand named = FindCommand({&app_, name}, arguments);
  const bool asks_for_help = is_help_command || AsksForHelp(arguments);
  if (named.fault && (is_help_command || !asks_for_help)) return RefuseCommand(named);
  if (asks_for_help) {
    return EarlyExit{.code = ExitCode::kDone, .output = HelpOf(named.command), .error = {}};
  }
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{
        .code = ExitCode::kDone, .output = absl::StrCat(version.what(), "\n"), .error = {}};
  } catch (const CLI::RequiredError& why) {
    if (!CommandsOf(*named.command.app).empty()) return RefuseNoCommand(named.command);
    return Refuse(named.command, why.what());
  } catch (const CLI::ParseError& why) {
    return Refuse(named.command, Reason(app_, *named.command.app, why));
  }
  return std::nullopt;
}

bool CommandLine::chosen() const { return app_.parsed(); }

CommandDescription CommandLine::Describe() const { return DescribeCommand(app_); }

}  // namespace octet

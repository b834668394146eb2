#include "launch/manual/completion.h"

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include <vector>

namespace octet {
namespace {

// Calls `visit` with each command and its path from the program, "octet bench exchange".
void VisitCommands(
    const CommandDescription& command, const std::string& path,
    absl::FunctionRef<void(const CommandDescription& command, const std::string& path)> visit) {
  visit(command, path);
  for (const CommandDescription& sub : command.commands) {
    VisitCommands(sub, absl::StrCat(path, " ", sub.name), visit);
  }
}

std::string CommandNames(const CommandDescription& command) {
  return absl::StrJoin(command.commands, " ", [](std::string* out, const CommandDescription& sub) {
    absl::StrAppend(out, sub.name);
  });
}

// Returns the names of the flags; with `with_value` only of those that have a value.
std::string FlagNames(const CommandDescription& command, bool with_value) {
  std::vector<std::string> names;
  for (const FlagDescription& flag : command.flags) {
    if (with_value && flag.value.empty()) continue;
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return absl::StrJoin(names, " ");
}

constexpr char kBashEnd[] = R"(  if [[ " $values " == *" $before "* ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
  elif [[ -n $commands ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  else
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _octet octet octet-run
)";

// Returns a text between quotes of fish.
std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// Returns the condition under which fish offers what belongs to a command: its words were given.
std::string FishCondition(const CommandDescription& command, const std::string& path) {
  std::vector<std::string> tests;
  const std::vector<std::string> words = absl::StrSplit(path, ' ');
  for (size_t i = 1; i < words.size(); ++i) {
    tests.push_back(absl::StrCat("__fish_seen_subcommand_from ", words[i]));
  }
  if (!command.commands.empty()) {
    tests.push_back(absl::StrCat("not __fish_seen_subcommand_from ", CommandNames(command)));
  }
  return absl::StrJoin(tests, "; and ");
}

// Returns an element of an array for zsh's _describe: the name, and what stands beside it.
std::string ZshElement(const std::string& name, const std::string& help) {
  return absl::StrCat("\n        '", name, ":", absl::StrReplaceAll(help, {{"'", R"('\'')"}}), "'");
}

// `path` is zsh's own name for the directories of programs.
constexpr char kZshBegin[] = R"(#compdef octet octet-run
# Completion of octet and octet-run for zsh, made by: octet completion zsh
_octet() {
  local place=octet before=${words[CURRENT-1]} word
  local -a commands flags values
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$place $word" in
      )";

constexpr char kZshEnd[] = R"(  if [[ $PREFIX == --*=* ]]; then
    compset -P '*='
    _files
  elif (( ${values[(Ie)$before]} )); then
    _files
  elif [[ $PREFIX == -* ]]; then
    _describe -o flag flags
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _octet ]]; then _octet "$@"; else compdef _octet octet octet-run; fi
)";

}  // namespace

std::string FormatBashCompletion(const CommandDescription& program) {
  std::string paths;
  std::string cases;
  VisitCommands(program, "octet", [&](const CommandDescription& command, const std::string& path) {
    if (&command != &program) absl::StrAppend(&paths, paths.empty() ? "" : " | ", "'", path, "'");
    absl::StrAppend(&cases, "    '", path, "')\n      commands='", CommandNames(command),
                    "'\n      flags='", FlagNames(command, /*with_value=*/false),
                    "'\n      values='", FlagNames(command, /*with_value=*/true), "'\n      ;;\n");
  });
  return absl::StrCat(
      "# Completion of octet and octet-run for bash, made by: octet completion bash\n"
      "_octet() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local path=octet commands='' flags='' values='' i\n"
      "  COMPREPLY=()\n"
      "  if [[ $word == = ]]; then\n    word=''\n"  // --flag=VALUE is three words
      "  elif [[ $before == = ]]; then\n    before=${COMP_WORDS[COMP_CWORD - 2]}\n  fi\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    case \"$path ${COMP_WORDS[i]}\" in\n      ",
      paths, ") path+=\" ${COMP_WORDS[i]}\" ;;\n    esac\n  done\n  case $path in\n", cases,
      "  esac\n", kBashEnd);
}

std::string FormatFishCompletion(const CommandDescription& program) {
  std::string text =
      "# Completion of octet and octet-run for fish, made by: octet completion fish\n"
      "complete -c octet-run -w octet\n";
  VisitCommands(program, "octet", [&](const CommandDescription& command, const std::string& path) {
    const std::string start =
        absl::StrCat("complete -c octet -n ", FishQuoted(FishCondition(command, path)));
    for (const CommandDescription& sub : command.commands) {
      absl::StrAppend(&text, start, " -f -a ", sub.name, " -d ", FishQuoted(sub.help), "\n");
    }
    for (const FlagDescription& flag : command.flags) {
      if (flag.names.empty()) continue;
      absl::StrAppend(&text, start);
      for (const std::string& name : flag.names) {
        absl::StrAppend(&text, name.starts_with("--") ? " -l " : " -s ",
                        name.substr(name.find_first_not_of('-')));
      }
      absl::StrAppend(&text, flag.value.empty() ? "" : " -r", " -d ", FishQuoted(flag.help), "\n");
    }
  });
  return text;
}

std::string FormatZshCompletion(const CommandDescription& program) {
  std::string paths;
  std::string cases;
  VisitCommands(program, "octet", [&](const CommandDescription& command, const std::string& path) {
    if (&command != &program) absl::StrAppend(&paths, paths.empty() ? "" : " | ", "'", path, "'");
    absl::StrAppend(&cases, "    '", path, "')\n      commands=(");
    for (const CommandDescription& sub : command.commands) {
      absl::StrAppend(&cases, ZshElement(sub.name, sub.help));
    }
    absl::StrAppend(&cases, ")\n      flags=(");
    for (const FlagDescription& flag : command.flags) {
      for (const std::string& name : flag.names) {
        absl::StrAppend(&cases, ZshElement(name, flag.help));
      }
    }
    absl::StrAppend(&cases, ")\n      values=(", FlagNames(command, /*with_value=*/true),
                    ")\n      ;;\n");
  });
  return absl::StrCat(kZshBegin, paths,
                      ") place+=\" $word\" ;;\n    esac\n  done\n  case $place in\n", cases,
                      "  esac\n", kZshEnd);
}

}  // namespace octet

#include "launch/chat/chat_commands.h"

#include <absl/status/status.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <array>

#include "launch/chat/dialogue.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

enum class ArgumentUse { kNone, kOptional, kNeeded };

struct VerbInfo {
  const char* name;
  ChatVerb verb;
  ArgumentUse use;
  const char* argument;
  const char* help;
};

constexpr std::array<VerbInfo, 10> kVerbs = {{
    {"/help", ChatVerb::kHelp, ArgumentUse::kNone, "", "this text"},
    {"/reset", ChatVerb::kReset, ArgumentUse::kNone, "", "forget all turns; the rest stays"},
    {"/drop", ChatVerb::kDrop, ArgumentUse::kNone, "", "forget the oldest question and answer"},
    {"/system", ChatVerb::kSystem, ArgumentUse::kOptional, "TEXT",
     "the system message; without TEXT: none"},
    {"/set", ChatVerb::kSet, ArgumentUse::kOptional, "NAME VALUE",
     "a field of the requests; without VALUE its default; without NAME the fields"},
    {"/show", ChatVerb::kShow, ArgumentUse::kNone, "", "what is set, and the messages"},
    {"/save", ChatVerb::kSave, ArgumentUse::kNeeded, "FILE", "the conversation as JSON"},
    {"/load", ChatVerb::kLoad, ArgumentUse::kNeeded, "FILE", "such a conversation"},
    {"/exit", ChatVerb::kExit, ArgumentUse::kNone, "", "the end, as ^D"},
    {"/bye", ChatVerb::kExit, ArgumentUse::kNone, "", "the same"},
}};

std::string ChatTrimmed(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace({text.data(), text.size()}));
}

}  // namespace

bool IsChatCommand(std::string_view message) {
  return message.starts_with('/') && message.find('\n') == std::string_view::npos;
}

absl::StatusOr<ChatCommand> ParseChatCommand(std::string_view message) {
  const size_t end = std::min(message.find_first_of(" \t"), message.size());
  const std::string name(message.substr(0, end));
  const std::string argument = ChatTrimmed(message.substr(end));
  const auto* const found =
      std::ranges::find_if(kVerbs, [&](const VerbInfo& info) { return name == info.name; });
  if (found == kVerbs.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(name),
                     " is no command; /help lists them, and \"\"\" before a message "
                     "lets it begin with a slash"));
  }
  if (found->use == ArgumentUse::kNone && !argument.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " takes nothing after it"));
  }
  if (found->use == ArgumentUse::kNeeded && argument.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " needs a ", found->argument));
  }
  return ChatCommand{found->verb, argument};
}

std::string ChatHelp() {
  std::string text;
  for (const VerbInfo& info : kVerbs) {
    absl::StrAppend(&text, absl::StrFormat("%-16s %s\n",
                                           absl::StrCat(info.name, " ", info.argument), info.help));
  }
  absl::StrAppend(&text,
                  "A backslash at the end of a line, or \"\"\" before and after a text, lets a ",
                  "message have several lines.\n^C stops an answer or clears the line.\n");
  return text;
}

std::vector<std::string> CompleteChatLine(std::string_view line) {
  std::vector<std::string> words;
  constexpr std::string_view kSet = "/set ";
  const bool is_field = line.starts_with(kSet);
  const std::string_view begun = is_field ? line.substr(kSet.size()) : line;
  if (!line.starts_with('/') || begun.find(' ') != std::string_view::npos) return words;
  const auto add = [&](std::string_view word) {
    if (word.starts_with(begun)) words.emplace_back(word);
  };
  if (is_field) {
    for (const DialogueField& field : DialogueFields()) add(field.name);
  } else {
    for (const VerbInfo& info : kVerbs) add(info.name);
  }
  return words;
}

}  // namespace octet

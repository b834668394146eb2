#include "launch/chat/chat_loop.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "launch/files/result_file.h"

namespace octet {
namespace {

constexpr size_t kMostSavedBytes = size_t{64} << 20;

bool IsBlankMessage(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return absl::ascii_isspace(c); });
}

std::string ListFields() {
  std::string text;
  for (const DialogueField& field : DialogueFields()) {
    absl::StrAppend(&text, absl::StrFormat("%-20s %s\n", field.name, field.help));
  }
  return text;
}

}  // namespace

void ChatLoop::Run() {
  bool hinted = false;
  while (true) {
    TypedMessage message;
    const LineEnd end = ReadMessage(parts_.console, message);
    if (end == LineEnd::kEndOfInput) return;
    const bool was_hinted = std::exchange(hinted, false);
    if (end == LineEnd::kInterrupted) {
      if (!message.text.empty()) continue;
      if (was_hinted) return;
      hinted = true;
      parts_.console.ShowLines("^C once more, ^D or /exit ends the conversation.\n");
      continue;
    }
    if (IsBlankMessage(message.text)) continue;
    if (message.is_command) {
      if (!Obey(message.text)) return;
      continue;
    }
    const absl::Status status = Answer(message.text);
    if (!status.ok()) parts_.say(std::string(status.message()));
  }
}

absl::Status ChatLoop::Answer(const std::string& question) {
  const absl::StatusOr<BatchRequest> request = parts_.dialogue.Ask(question);
  if (!request.ok()) return request.status();
  bool ends_line = true;
  const auto show = [&](const std::string& piece) {
    if (piece.empty()) return;
    parts_.console.ShowAnswer(piece);
    ends_line = piece.ends_with('\n');
  };
  parts_.console.BeginAnswer();
  const ComputedAnswer answer =
      answerer_.Answer(*request, show, [this] { return parts_.console.TakeInterrupt(); });
  if (!ends_line || answer.text.empty()) parts_.console.ShowLines("\n");
  const FinishedSequence& finished = answer.finished;
  if (finished.finish_reason() == NOT_FINITE) {
    std::vector<FinishedSequence> none;
    parts_.engine.Step(none);  // in which the ranks look at their weights
    return absl::DataLossError(
        absl::StrCat("there is no answer: ", absl::StrJoin(parts_.engine.TakeNotes(), "; ")));
  }
  if (finished.token_ids_size() > 0) {
    parts_.dialogue.Keep(question, *request, finished, answer.text);
  }
  SayEnd(*request, finished);
  if (parts_.verbose) parts_.say(DescribeRates(answer.rates));
  return absl::OkStatus();
}

// Says why an answer ended, unless the model ended it.
void ChatLoop::SayEnd(const BatchRequest& request, const FinishedSequence& finished) {
  if (finished.finish_reason() == CANCELLED) {
    parts_.say(finished.token_ids_size() > 0 ? "stopped; what came so far is kept"
                                             : "stopped; the question is not kept");
  }
  if (finished.finish_reason() != LENGTH) return;
  parts_.say(absl::StrCat("note: the answer ends after ", request.params.max_tokens(),
                          " tokens: max_tokens, or all that the context has room for"));
}

bool ChatLoop::Obey(const std::string& line) {
  const absl::StatusOr<ChatCommand> command = ParseChatCommand(line);
  if (!command.ok()) {
    parts_.say(std::string(command.status().message()));
    return true;
  }
  Dialogue& dialogue = parts_.dialogue;
  const std::string& argument = command->argument;
  absl::Status status;
  switch (command->verb) {
    case ChatVerb::kHelp:
      parts_.console.ShowLines(ChatHelp());
      break;
    case ChatVerb::kReset:
      dialogue.Reset();
      break;
    case ChatVerb::kDrop:
      if (!dialogue.DropOldest()) status = absl::NotFoundError("there is no turn to forget");
      break;
    case ChatVerb::kSystem:
      status = dialogue.SetSystem(argument);
      break;
    case ChatVerb::kSet:
      status = Set(argument);
      break;
    case ChatVerb::kShow:
      parts_.console.ShowLines(dialogue.DescribeSettings() + dialogue.DescribeTurns());
      break;
    case ChatVerb::kSave:
      status = Save(argument);
      break;
    case ChatVerb::kLoad:
      status = Load(argument);
      break;
    case ChatVerb::kExit:
      return false;
  }
  if (!status.ok()) parts_.say(std::string(status.message()));
  return true;
}

absl::Status ChatLoop::Set(const std::string& argument) {
  if (argument.empty()) {
    parts_.console.ShowLines(ListFields());
    return absl::OkStatus();
  }
  const size_t end = std::min(argument.find_first_of(" \t"), argument.size());
  std::string value = argument.substr(end);
  absl::StripLeadingAsciiWhitespace(&value);
  return parts_.dialogue.Set(argument.substr(0, end), value);
}

absl::Status ChatLoop::Save(const std::string& path) {
  if (parts_.files.Exists(path) && !own_files_.contains(path)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "there is a file ", path, " already, not of this conversation; save under another name"));
  }
  absl::Status status = WriteResultFile(parts_.files, path, parts_.dialogue.ToJson());
  if (!status.ok()) return status;
  own_files_.insert(path);
  parts_.say(absl::StrCat("saved to ", path));
  return absl::OkStatus();
}

absl::Status ChatLoop::Load(const std::string& path) {
  const absl::StatusOr<std::string> text = parts_.files.ReadWhole(path, kMostSavedBytes);
  if (!text.ok()) return text.status();
  absl::Status status = parts_.dialogue.FromJson(*text, path);
  if (!status.ok()) return status;
  own_files_.insert(path);
  parts_.say(absl::StrCat("loaded ", path));
  return absl::OkStatus();
}

}  // namespace octet

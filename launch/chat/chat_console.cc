#include "launch/chat/chat_console.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "kernels/base/activity.h"
#include "launch/chat/chat_commands.h"
#include "launch/chat/input_history.h"
#include "launch/console/one_line.h"

namespace octet {
namespace {

constexpr char kFirstPrompt[] = ">>> ";
constexpr char kNextPrompt[] = "... ";
constexpr std::string_view kQuotes = "\"\"\"";

class TerminalConsole : public ChatConsole {
 public:
  TerminalConsole(ChatTerminal& terminal, std::unique_ptr<LineEditor> editor, std::string path,
                  std::function<void(const std::string&)> say)
      : terminal_(terminal),
        editor_(std::move(editor)),
        history_(std::move(path)),
        say_(std::move(say)) {
    absl::StatusOr<std::vector<std::string>> lines = history_.Load();
    NoteHistory(lines.status());
    if (lines.ok()) std::ranges::for_each(*lines, [this](auto& l) { editor_->Remember(l); });
  }

  LineEnd ReadLine(const std::string& prompt, std::string& line) override {
    const LineEnd end = editor_->Read(prompt, line);
    if (end == LineEnd::kEndOfInput) terminal_.Write("\n");
    if ((end != LineEnd::kEntered && end != LineEnd::kPasted) || line.empty()) return end;
    editor_->Remember(line);
    NoteHistory(history_.Add(line));
    return end;
  }

  void BeginAnswer() override { at_start_ = true; }

  // Most answers begin with a space, which belongs to the template more than to the text.
  void ShowAnswer(std::string_view text) override {
    if (at_start_ && text.starts_with(' ')) text.remove_prefix(1);
    at_start_ = false;
    terminal_.Write(PrintableLines(text));
  }
  void ShowLines(std::string_view text) override { terminal_.Write(PrintableLines(text)); }
  bool TakeInterrupt() override { return terminal_.TakeInterrupt(); }

 private:
  // Once: the conversation goes on without it.
  void NoteHistory(const absl::Status& status) {
    if (status.ok() || noted_) return;
    noted_ = true;
    say_(absl::StrCat("note: lines are not kept for the next time: ",
                      std::string(status.message())));
  }

  ChatTerminal& terminal_;
  std::unique_ptr<LineEditor> editor_;
  const InputHistory history_;
  const std::function<void(const std::string&)> say_;
  bool noted_ = false;
  bool at_start_ = false;  // of an answer
};

class LineConsole : public ChatConsole {
 public:
  LineEnd ReadLine(const std::string& /*prompt*/, std::string& line) override {
    const Activity::Scope activity({"user's typing"});
    size_t end = read_.find('\n');
    while (end == std::string::npos && ReadMore()) end = read_.find('\n');
    line = read_.substr(0, end);
    read_.erase(0, end == std::string::npos ? end : end + 1);
    return end == std::string::npos && line.empty() ? LineEnd::kEndOfInput : LineEnd::kEntered;
  }

  void ShowAnswer(std::string_view text) override { Write(text); }
  void ShowLines(std::string_view text) override { Write(text); }

  // The answer stops if nobody can read it any more.
  bool TakeInterrupt() override { return !has_reader_; }

 private:
  void Write(std::string_view text) {
    has_reader_ = has_reader_ && WritePatiently(STDOUT_FILENO, text);
  }

  bool ReadMore() {
    AwaitInput(STDIN_FILENO);
    std::array<char, 4096> bytes;
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count > 0) read_.append(bytes.data(), static_cast<size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  }

  std::string read_;
  bool has_reader_ = true;
};

// Reads on until a line ends with the quotes.
LineEnd ReadQuoted(ChatConsole& console, std::string& message) {
  message.erase(0, kQuotes.size());
  while (!message.ends_with(kQuotes)) {
    std::string line;
    const LineEnd end = console.ReadLine(kNextPrompt, line);
    if (end == LineEnd::kInterrupted) message = kQuotes;
    if (end == LineEnd::kInterrupted || end == LineEnd::kEndOfInput) return end;
    absl::StrAppend(&message, message.empty() ? "" : "\n", line);
  }
  message.resize(message.size() - kQuotes.size());
  if (message.ends_with('\n')) message.pop_back();
  return LineEnd::kEntered;
}

LineEnd ReadContinued(ChatConsole& console, LineEnd end, std::string& message) {
  while (end == LineEnd::kPasted || (end == LineEnd::kEntered && message.ends_with('\\'))) {
    if (end == LineEnd::kEntered) message.pop_back();
    std::string line;
    end = console.ReadLine(kNextPrompt, line);
    absl::StrAppend(&message, "\n", line);
  }
  return end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChatConsole>> MakeTerminalConsole(
    ChatTerminal& terminal, const std::function<void(const std::string&)>& say) {
  absl::StatusOr<std::unique_ptr<LineEditor>> editor = LineEditor::Make(terminal, CompleteChatLine);
  if (!editor.ok()) return editor.status();
  return std::make_unique<TerminalConsole>(terminal, *std::move(editor), InputHistory::UsualPath(),
                                           say);
}

std::unique_ptr<ChatConsole> MakeLineConsole() { return std::make_unique<LineConsole>(); }

LineEnd ReadMessage(ChatConsole& console, TypedMessage& message) {
  const LineEnd first = console.ReadLine(kFirstPrompt, message.text);
  if (first == LineEnd::kInterrupted || first == LineEnd::kEndOfInput) return first;
  const bool is_quoted = message.text.starts_with(kQuotes);
  const LineEnd end =
      is_quoted ? ReadQuoted(console, message.text) : ReadContinued(console, first, message.text);
  message.is_command = !is_quoted && IsChatCommand(message.text);
  return end == LineEnd::kEndOfInput ? LineEnd::kEntered : end;
}

}  // namespace octet

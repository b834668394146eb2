#include "launch/chat/line_editor.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <fcntl.h>
#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>

#include "launch/chat/input_history.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

// The longest text that all words begin with.
std::string CommonBeginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const std::string& word : words) {
    common.resize(static_cast<size_t>(std::ranges::mismatch(common, word).in1 - common.begin()));
  }
  return common;
}

constexpr std::string_view kEndOfPaste = "\x1b[201~";

bool UnderstandsEscapes() {
  const char* kind = std::getenv("TERM");
  return kind != nullptr && std::string_view(kind) != "dumb";
}

class LibeditEditor : public LineEditor {
 public:
  // Takes what libedit made. `stream` is the terminal's.
  LibeditEditor(ChatTerminal& terminal, Complete complete, FILE* stream, EditLine* editor,
                ::History* lines)
      : terminal_(terminal),
        complete_(std::move(complete)),
        stream_(stream),
        editor_(editor),
        history_(lines),
        marks_pastes_(UnderstandsEscapes()) {
    HistEvent event;
    history(history_, &event, H_SETSIZE, static_cast<int>(InputHistory::kMostLines));
    history(history_, &event, H_SETUNIQUE, 1);
    Set(EL_CLIENTDATA, static_cast<void*>(this));
    Set(EL_EDITOR, "emacs");
    Set(EL_HIST, history, history_);
    Set(EL_PROMPT, &Prompt);
    Set(EL_GETCFN, &ReadCharacter);
    // No key makes a signal or stops the output, and none is shown or acted on by the kernel
    // between two lines, where libedit would leave that to it.
    for (const char* mode : {"-d", "-x"}) {
      Set(EL_SETTY, mode, "-isig", "-ixon", "-icanon", "-echo", "-iexten", nullptr);
    }
    Set(EL_ADDFN, "octet-interrupt", "stop", &Interrupt);
    Set(EL_ADDFN, "octet-suspend", "suspend", &Suspend);
    Set(EL_ADDFN, "octet-complete", "complete", &CompleteWord);
    Set(EL_ADDFN, "octet-paste", "paste", &Paste);
    Set(EL_BIND, "^C", "octet-interrupt", nullptr);
    Set(EL_BIND, "^Z", "octet-suspend", nullptr);
    Set(EL_BIND, "\\e[200~", "octet-paste", nullptr);
    Set(EL_BIND, "\t", "octet-complete", nullptr);
    Set(EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }

  ~LibeditEditor() override {
    el_end(editor_);
    history_end(history_);
    std::fclose(stream_);
  }

  LineEnd Read(const std::string& prompt, std::string& line) override {
    prompt_ = prompt;
    interrupted_ = false;
    if (pasted_.size() > 1) return NextPasted(line);
    if (!pasted_.empty()) el_push(editor_, pasted_.front().c_str());
    pasted_.clear();
    el_resize(editor_);  // no signal comes from a terminal of another session
    int count = 0;
    MarkPastes(true);
    const char* text = el_gets(editor_, &count);
    MarkPastes(false);
    line = text == nullptr ? "" : std::string(text, static_cast<size_t>(std::max(count, 0)));
    terminal_.EnterRawMode();
    if (interrupted_) {
      if (line.ends_with('\n')) line.pop_back();
      return LineEnd::kInterrupted;
    }
    if (!pasted_.empty()) return LineEnd::kPasted;
    if (!line.ends_with('\n')) return LineEnd::kEndOfInput;
    line.pop_back();
    return LineEnd::kEntered;
  }

  void Remember(const std::string& line) override {
    HistEvent event;
    history(history_, &event, H_ENTER, line.c_str());
  }

 private:
  template <class... T>
  void Set(int option, T... values) {
    el_set(editor_, option, values...);
  }

  static LibeditEditor& Of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<LibeditEditor*>(self);
  }

  static char* Prompt(EditLine* editor) { return Of(editor).prompt_.data(); }

  // Reads a character of UTF-8; what is none counts as U+FFFD.
  static int ReadCharacter(EditLine* editor, wchar_t* character) {
    std::string bytes;
    do {
      const std::optional<char> byte = Of(editor).terminal_.ReadByte();
      if (!byte) return 0;
      bytes += *byte;
    } while (FirstUtf8Char(bytes).size == 0 && MayBecomeUtf8Char(bytes));
    const Utf8Char first = FirstUtf8Char(bytes);
    *character = static_cast<wchar_t>(first.size > 0 ? first.code_point : U'\uFFFD');
    return 1;
  }

  void MarkPastes(bool on) const {
    if (marks_pastes_) terminal_.Write(on ? "\x1b[?2004h" : "\x1b[?2004l");
  }

  // libedit leaves it to the key's function to go to the next line.
  static unsigned char EndLine(EditLine* editor) {
    Of(editor).terminal_.Write("\n");
    return CC_NEWLINE;
  }

  LineEnd NextPasted(std::string& line) {
    line = pasted_.front();
    pasted_.pop_front();
    terminal_.Write(absl::StrCat(prompt_, line, "\n"));
    return LineEnd::kPasted;
  }

  // Terminals mark what is pasted, so that its lines are one message.
  static unsigned char Paste(EditLine* editor, int /*key*/) {
    LibeditEditor& self = Of(editor);
    std::string text;
    while (!text.ends_with(kEndOfPaste)) {
      const std::optional<char> byte = self.terminal_.ReadByte();
      if (!byte) return CC_EOF;
      text += *byte == '\r' ? '\n' : *byte;
    }
    text.resize(text.size() - kEndOfPaste.size());
    text = absl::StrReplaceAll(text, {{"\t", "    "}});  // a tab would complete
    std::erase_if(text, [](unsigned char c) { return absl::ascii_iscntrl(c) && c != '\n'; });
    self.pasted_ = absl::StrSplit(text, '\n');
    const std::string first = self.pasted_.front();
    self.pasted_.pop_front();
    if (!first.empty() && el_insertstr(editor, first.c_str()) != 0) return CC_ERROR;
    if (self.pasted_.empty()) return CC_REFRESH;
    const LineInfo* info = el_line(editor);
    const std::string behind(info->cursor, info->lastchar);
    self.terminal_.Write(absl::StrCat(first, behind));  // which libedit leaves to a refresh
    return EndLine(editor);
  }

  static unsigned char Interrupt(EditLine* editor, int /*key*/) {
    Of(editor).interrupted_ = true;
    return EndLine(editor);
  }

  static unsigned char Suspend(EditLine* editor, int /*key*/) {
    const LibeditEditor& self = Of(editor);
    self.MarkPastes(false);
    self.terminal_.Suspend();
    self.MarkPastes(true);
    return CC_REDISPLAY;
  }

  static unsigned char CompleteWord(EditLine* editor, int /*key*/) {
    LibeditEditor& self = Of(editor);
    const LineInfo* info = el_line(editor);
    const std::string_view line(info->buffer, static_cast<size_t>(info->cursor - info->buffer));
    const std::vector<std::string> words = self.complete_(line);
    if (words.empty()) return CC_REFRESH_BEEP;
    const size_t begun = line.size() - std::min(line.find_last_of(' ') + 1, line.size());
    std::string rest = CommonBeginning(words).substr(begun);
    if (words.size() == 1) rest += ' ';
    if (!rest.empty()) return el_insertstr(editor, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    self.terminal_.Write(absl::StrCat("\n", absl::StrJoin(words, "  "), "\n"));
    return CC_REDISPLAY;
  }

  ChatTerminal& terminal_;
  const Complete complete_;
  FILE* const stream_;
  EditLine* const editor_;
  ::History* const history_;
  std::string prompt_;
  bool interrupted_ = false;
  const bool marks_pastes_;
  std::deque<std::string> pasted_;  // lines that follow
};

}  // namespace

absl::StatusOr<std::unique_ptr<LineEditor>> LineEditor::Make(ChatTerminal& terminal,
                                                             Complete complete) {
  std::setlocale(LC_CTYPE, "C.UTF-8");  // libedit takes the encoding from there
  // libedit does not expect a descriptor that does not block.
  const int fd = open(terminal.path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  FILE* stream = fd < 0 ? nullptr : fdopen(fd, "r+");
  EditLine* editor = stream == nullptr ? nullptr : el_init("octet", stream, stream, stream);
  ::History* lines = editor == nullptr ? nullptr : history_init();
  if (lines == nullptr) {
    return absl::UnavailableError("the terminal can't be used for editing; --plain needs none");
  }
  return std::make_unique<LibeditEditor>(terminal, std::move(complete), stream, editor, lines);
}

}  // namespace octet

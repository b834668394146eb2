// The editing of a line at a terminal.

#ifndef OCTET_LAUNCH_CHAT_LINE_EDITOR_H_
#define OCTET_LAUNCH_CHAT_LINE_EDITOR_H_

#include <absl/status/statusor.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "launch/chat/chat_terminal.h"

namespace octet {

enum class LineEnd {
  kEntered,
  kPasted,  // the text that was pasted goes on in the next line
  kInterrupted,
  kEndOfInput,
};

// An editor with history and completion, by libedit. What is typed comes from the terminal object,
// so that waiting for it keeps other ranks patient.
class LineEditor {
 public:
  // complete: returns the words that may stand for the last word of the line before the cursor.
  using Complete = std::function<std::vector<std::string>(std::string_view line)>;

  // `terminal` must outlive the result.
  static absl::StatusOr<std::unique_ptr<LineEditor>> Make(ChatTerminal& terminal,
                                                          Complete complete);
  virtual ~LineEditor() = default;
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Edits a line, without its newline. After kInterrupted, it is what was typed before ^C.
  virtual LineEnd Read(const std::string& prompt, std::string& line) = 0;

  // Adds a line to those that the arrow keys bring back.
  virtual void Remember(const std::string& line) = 0;

 protected:
  LineEditor() = default;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_LINE_EDITOR_H_

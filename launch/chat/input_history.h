// The lines that a user has typed, also in earlier conversations.

#ifndef OCTET_LAUNCH_CHAT_INPUT_HISTORY_H_
#define OCTET_LAUNCH_CHAT_INPUT_HISTORY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

namespace octet {

// A file of lines that its owner alone may read. Several programs may add lines at the same time.
class InputHistory {
 public:
  static constexpr size_t kMostLines = 1000;

  // Returns ${XDG_STATE_HOME:-~/.local/state}/octet/history, or an empty path without a home.
  static std::string UsualPath();

  explicit InputHistory(std::string path) : path_(std::move(path)) {}

  // Returns the last kMostLines lines, oldest first; none if there is no file yet. Cuts a file that
  // has more than twice as many.
  absl::StatusOr<std::vector<std::string>> Load() const;

  // Adds a line. Makes the file and its directory.
  absl::Status Add(const std::string& line) const;

 private:
  absl::Status Cut(const std::vector<std::string>& lines) const;

  std::string path_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_INPUT_HISTORY_H_

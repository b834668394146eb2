#include "launch/chat/input_history.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "launch/process/descriptor.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr mode_t kPrivateFile = 0600;

absl::Status HistoryError(const std::string& path, const std::string& why) {
  return absl::UnavailableError(absl::StrCat(path, ": ", why));
}

// Writes lines to a file that is opened with these flags.
absl::Status WriteHistory(const std::string& path, int flags, const std::string& lines) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, kPrivateFile));
  if (file.get() < 0 || fchmod(file.get(), kPrivateFile) != 0 ||
      write(file.get(), lines.data(), lines.size()) != std::ssize(lines)) {
    return HistoryError(path, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

std::string InputHistory::UsualPath() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return absl::StrCat(state, "/octet/history");
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : absl::StrCat(home, "/.local/state/octet/history");
}

absl::StatusOr<std::vector<std::string>> InputHistory::Load() const {
  std::vector<std::string> lines;
  std::error_code error;
  if (path_.empty() || !std::filesystem::exists(path_, error)) return lines;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && IsUtf8(line)) lines.push_back(line);
  }
  if (file.bad() || (!file.eof() && file.fail())) {
    return HistoryError(path_, "can't be read");
  }
  const bool is_long = lines.size() > 2 * kMostLines;
  if (lines.size() > kMostLines) lines.erase(lines.begin(), lines.end() - kMostLines);
  const absl::Status status = is_long ? Cut(lines) : absl::OkStatus();
  if (!status.ok()) return status;
  return lines;
}

absl::Status InputHistory::Cut(const std::vector<std::string>& lines) const {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  const std::string fresh = absl::StrCat(path_, ".", getpid());
  absl::Status status = WriteHistory(fresh, O_TRUNC, text);
  if (!status.ok()) return status;
  if (rename(fresh.c_str(), path_.c_str()) == 0) return absl::OkStatus();
  return HistoryError(path_, std::strerror(errno));
}

absl::Status InputHistory::Add(const std::string& line) const {
  if (path_.empty()) return absl::OkStatus();
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::path(path_).parent_path();
  const bool is_new = std::filesystem::create_directories(directory, error);
  if (error) return HistoryError(directory.string(), error.message());
  if (is_new) chmod(directory.c_str(), S_IRWXU);
  return WriteHistory(path_, O_APPEND, line + "\n");
}

}  // namespace octet

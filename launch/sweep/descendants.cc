#include "launch/sweep/descendants.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "runtime/io/file.h"

namespace octet {
namespace {

// Returns the parent in the text of /proc/PID/stat, "PID (NAME) STATE PARENT ...". The name may
// have blanks and brackets.
std::optional<pid_t> ParentIn(const std::string& stat) {
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(name_end + 2), ' ');
  pid_t parent = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &parent)) return std::nullopt;
  return parent;
}

std::multimap<pid_t, pid_t> ReadChildren() {
  std::multimap<pid_t, pid_t> children;
  PosixFileSystem files;
  const absl::StatusOr<std::vector<std::string>> names = files.List("/proc");
  if (!names.ok()) return children;
  for (const std::string& name : *names) {
    pid_t process = 0;
    if (!absl::SimpleAtoi(name, &process)) continue;
    const absl::StatusOr<std::string> stat = files.ReadStream(JoinPath("/proc/" + name, "stat"));
    const std::optional<pid_t> parent = stat.ok() ? ParentIn(*stat) : std::nullopt;
    if (parent) children.emplace(*parent, process);
  }
  return children;
}

}  // namespace

std::vector<pid_t> DescendantsOf(pid_t process) {
  const std::multimap<pid_t, pid_t> children = ReadChildren();
  std::vector<pid_t> found = {process};
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) found.push_back(child->second);
  }
  found.erase(found.begin());
  std::ranges::sort(found);
  return found;
}

}  // namespace octet

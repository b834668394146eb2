#include "runtime/io/available_memory.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace octet {
namespace {

// The names in one of the two versions of control groups.
struct GroupFiles {
  std::string mount;
  std::string limit;
  std::string usage;
  std::vector<std::string> cache_keys;  // in memory.stat
};

const GroupFiles& Version1() {
  static const auto& files = *new GroupFiles{"/sys/fs/cgroup/memory",
                                             "memory.limit_in_bytes",
                                             "memory.usage_in_bytes",
                                             {"total_inactive_file", "total_active_file"}};
  return files;
}

const GroupFiles& Version2() {
  static const auto& files = *new GroupFiles{
      "/sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file", "active_file"}};
  return files;
}

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// Returns the number after `key`, in a file of lines such as "MemAvailable:   123 kB" or
// "active_file 5".
std::optional<int64_t> FindNumber(const std::string& text, const std::string& key) {
  for (const std::string& line : Lines(text)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t value = 0;
    if (words.size() > 1 && words[0] == key && absl::SimpleAtoi(words[1], &value)) return value;
  }
  return std::nullopt;
}

// Reads a file of one number. Returns nullopt if there is no such file, or it says "max".
std::optional<int64_t> ReadNumber(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadStream(path);
  int64_t value = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &value)) return std::nullopt;
  return value;
}

int64_t FileCache(FileSystem& files, const GroupFiles& names, const std::string& group) {
  const absl::StatusOr<std::string> stat = files.ReadStream(absl::StrCat(group, "/memory.stat"));
  int64_t bytes = 0;
  for (const std::string& key : names.cache_keys) {
    if (stat.ok()) bytes += FindNumber(*stat, key).value_or(0);
  }
  return bytes;
}

// Lowers `least` to what the group at `path` and its ancestors leave. In a container, the path may
// be one of the host and not exist: then only its last part exists, or only the root.
void LimitByGroup(FileSystem& files, const GroupFiles& names, std::string path,
                  AvailableMemory& least) {
  while (true) {
    const std::string group = names.mount + path;
    const std::string limit_file = absl::StrCat(group, "/", names.limit);
    const std::optional<int64_t> limit = ReadNumber(files, limit_file);
    const std::optional<int64_t> usage = ReadNumber(files, absl::StrCat(group, "/", names.usage));
    if (limit && usage) {
      const int64_t taken = *usage - std::min(*usage, FileCache(files, names, group));
      const int64_t left = std::max<int64_t>(0, *limit - taken);
      if (left < least.bytes) least = {left, limit_file};
    }
    if (path.empty()) return;
    path.erase(path.rfind('/'));
  }
}

}  // namespace

absl::StatusOr<AvailableMemory> ReadAvailableMemory(FileSystem& files) {
  constexpr char kMemInfo[] = "/proc/meminfo";
  const absl::StatusOr<std::string> info = files.ReadStream(kMemInfo);
  if (!info.ok()) return info.status();
  const std::optional<int64_t> kib = FindNumber(*info, "MemAvailable:");
  if (!kib) return absl::NotFoundError(absl::StrCat(kMemInfo, " has no MemAvailable"));
  AvailableMemory least = {*kib * 1024, kMemInfo};

  // The lines are "hierarchy:controllers:path"; the line of version 2 has no controllers.
  const absl::StatusOr<std::string> groups = files.ReadStream("/proc/self/cgroup");
  if (!groups.ok()) return least;
  for (const std::string& line : Lines(*groups)) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
    const bool version1 =
        std::find(controllers.begin(), controllers.end(), "memory") != controllers.end();
    if (!version1 && !fields[1].empty()) continue;
    const std::string path(absl::StripSuffix(fields[2], "/"));
    LimitByGroup(files, version1 ? Version1() : Version2(), path, least);
  }
  return least;
}

}  // namespace octet

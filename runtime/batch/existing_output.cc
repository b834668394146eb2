#include "runtime/batch/existing_output.h"

#include <absl/strings/str_cat.h>

#include "runtime/batch/attempt_names.h"

namespace octet {

absl::StatusOr<std::optional<ReplacedOutput>> FindOutput(FileSystem& files,
                                                         const std::string& output) {
  if (!files.Exists(output)) return std::nullopt;
  const absl::StatusOr<FileInfo> info = files.Stat(output);
  if (!info.ok()) return info.status();
  ReplacedOutput found;
  found.set_size(static_cast<int64_t>(info->size));
  found.set_mtime_ns(info->mtime_ns);
  return found;
}

bool IsSameOutput(const ReplacedOutput& a, const ReplacedOutput& b) {
  return a.size() == b.size() && a.mtime_ns() == b.mtime_ns();
}

std::string Describe(const ReplacedOutput& output) {
  return absl::StrCat(output.size(), " bytes, last changed ", TimeAsText(output.mtime_ns()));
}

}  // namespace octet

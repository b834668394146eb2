#include "launch/bench/machine_facts.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <utility>
#include <vector>

#include "kernels/cpu/cache_sizes.h"

namespace octet {
namespace {

// The text of a file of /proc or /sys; empty where there is none.
std::string ReadFact(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadStream(path);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

// "32K", "2M"; 0 for anything else.
int64_t ParseSize(absl::string_view text) {
  int64_t unit = 1;
  if (!text.empty() && (text.back() == 'K' || text.back() == 'M')) {
    unit = text.back() == 'K' ? 1 << 10 : 1 << 20;
    text.remove_suffix(1);
  }
  int64_t size = 0;
  return absl::SimpleAtoi(text, &size) ? size * unit : 0;
}

}  // namespace

std::string CpuModel(FileSystem& files) {
  const std::string text = ReadFact(files, "/proc/cpuinfo");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(field.first) == "model name") {
      return std::string(absl::StripAsciiWhitespace(field.second));
    }
  }
  return "";
}

CacheSizes FindCacheSizes(FileSystem& files) {
  CacheSizes caches;
  constexpr int kMostCaches = 8;  // instructions, data and three further levels are 5
  for (int i = 0; i < kMostCaches; ++i) {
    const std::string cache = absl::StrCat("/sys/devices/system/cpu/cpu0/cache/index", i);
    const std::string level = ReadFact(files, cache + "/level");
    const int64_t bytes = ParseSize(ReadFact(files, cache + "/size"));
    if (level == "1" && ReadFact(files, cache + "/type") == "Data") caches.set_l1d_bytes(bytes);
    if (level == "3") caches.set_l3_bytes(bytes);
  }
  caches.set_l2_bytes(static_cast<int64_t>(L2BytesPerCore()));
  return caches;
}

}  // namespace octet

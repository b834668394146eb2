#include "launch/hostfile.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <optional>
#include <set>

#include "kernels/base/number_range.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMostHostfileBytes = size_t{1} << 20;

// Returns the ranks of a host: the number of the word slots=N, 1 without it; nothing if N is wrong.
std::optional<int> SlotsOf(const std::vector<std::string>& words) {
  constexpr std::string_view kSlots = "slots=";
  for (const std::string& word : words) {
    if (word.starts_with(kSlots)) return kRankCounts.Parse(word.substr(kSlots.size()));
  }
  return 1;
}

}  // namespace

absl::StatusOr<std::vector<int>> ReadHostfile(FileSystem& files, const std::string& flag,
                                              const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostHostfileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", std::string(text.status().message())));
  }
  std::vector<int> host_of;
  std::set<std::string> seen;
  int number = 0;
  for (const auto& line : absl::StrSplit(*text, '\n')) {
    ++number;
    const std::string content(line.substr(0, line.find('#')));
    const std::vector<std::string> words =
        absl::StrSplit(content, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || !seen.insert(words.front()).second) continue;
    const std::optional<int> slots = SlotsOf(words);
    if (!slots || std::ssize(host_of) + *slots > kRankCounts.most) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " ", path, ": line ", number, ": slots=N ", kRankCounts.Rule(),
                       ", for all hosts together, not as in ", Quoted(Shortened(content))));
    }
    host_of.resize(host_of.size() + *slots, static_cast<int>(seen.size()) - 1);
  }
  if (!host_of.empty()) return host_of;
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, ": names no host"));
}

}  // namespace octet

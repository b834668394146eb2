#include "launch/hosts/host_list.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include "kernels/base/number_range.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr NumberRange<int64_t> kHostNumbers = {0, 1'000'000'000};

absl::Status BadHostList(const std::string& what) { return absl::InvalidArgumentError(what); }

// Returns the parts between commas that are outside of brackets.
std::vector<std::string> SplitOutside(const std::string& list) {
  std::vector<std::string> parts(1);
  bool is_inside = false;
  for (const char c : list) {
    is_inside = c == '[' || (is_inside && c != ']');
    if (c == ',' && !is_inside) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Returns the numbers of "01-03,7", with the zeros that they have.
absl::StatusOr<std::vector<std::string>> ExpandNumbers(const std::string& ranges) {
  std::vector<std::string> numbers;
  const std::vector<std::string> parts = absl::StrSplit(ranges, ',');
  for (const std::string& range : parts) {
    const size_t dash = range.find('-');
    const std::string first = range.substr(0, dash);
    const auto begin = kHostNumbers.Parse(first);
    const auto end = dash == std::string::npos ? begin : kHostNumbers.Parse(range.substr(dash + 1));
    if (!begin || !end || *end < *begin || *end - *begin >= kRankCounts.most) {
      return BadHostList(absl::StrCat(Quoted(Shortened(range)), " is no range of numbers"));
    }
    for (int64_t n = *begin; n <= *end; ++n) {
      numbers.push_back(absl::StrFormat("%0*d", static_cast<int>(first.size()), n));
    }
  }
  return numbers;
}

// Appends the names of one part.
absl::Status ExpandPart(const std::string& part, std::vector<std::string>& names) {
  const size_t open = part.find('[');
  const size_t close = part.find(']');
  const bool is_address = open == 0 && part.find(':') < close;
  if (open == std::string::npos ? close == std::string::npos : is_address) {
    names.push_back(part);
    return absl::OkStatus();
  }
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return BadHostList(absl::StrCat(Quoted(Shortened(part)), " has a bracket without another"));
  }
  const auto numbers = ExpandNumbers(part.substr(open + 1, close - open - 1));
  if (!numbers.ok()) return numbers.status();
  for (const std::string& number : *numbers) {
    absl::Status status =
        ExpandPart(absl::StrCat(part.substr(0, open), number, part.substr(close + 1)), names);
    if (!status.ok()) return status;
    if (std::ssize(names) > kRankCounts.most) {
      return BadHostList(absl::StrCat("has more than ", kRankCounts.most, " hosts"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandHostList(const std::string& list) {
  std::vector<std::string> names;
  for (const std::string& part : SplitOutside(list)) {
    if (part.empty()) return BadHostList("leaves a host empty");
    absl::Status status = ExpandPart(part, names);
    if (!status.ok()) return status;
  }
  return names;
}

}  // namespace octet

#include "runtime/batch/refusal_summary.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string_view>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr size_t kMostReasons = 1000;  // that are distinguished
constexpr size_t kShownReasons = 5;    // to the user
constexpr size_t kMostMessageBytes = 400;

// Returns the text with "#" for each number and each quoted text, except the name that a message
// begins with.
std::string Generalised(std::string_view text) {
  std::string general;
  const size_t name_end = text.starts_with('\'') ? text.find("' ") : std::string_view::npos;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isdigit(text[i])) {
      while (i + 1 < text.size() && (absl::ascii_isdigit(text[i + 1]) || text[i + 1] == '.')) ++i;
      general += '#';
      continue;
    }
    const bool is_value = text[i] == '\'' && (name_end == std::string_view::npos || i > name_end);
    const size_t close = is_value ? text.find('\'', i + 1) : std::string_view::npos;
    if (close == std::string_view::npos) {
      general += text[i];
    } else {
      general += '#';
      i = close;
    }
  }
  return general;
}

std::string LinesOf(int64_t lines) {
  return absl::StrCat(lines, lines == 1 ? " line was" : " lines were");
}

std::string DescribeReason(const RefusalReason& reason) {
  return absl::StrCat(reason.lines, " x ", ShownMessage(reason.example), " (first: line ",
                      reason.first_line, ")");
}

}  // namespace

void RefusalSummary::Add(int64_t line, const RequestError& error) {
  ++lines_;
  const std::string key = absl::StrCat(error.code, "\n", Generalised(error.message));
  const auto place = places_.find(key);
  if (place != places_.end()) {
    ++reasons_[place->second].lines;
  } else if (reasons_.size() < kMostReasons) {
    places_.emplace(key, reasons_.size());
    reasons_.push_back({.example = error, .first_line = line, .lines = 1});
  } else {
    ++unsorted_;
  }
}

std::vector<RefusalReason> RefusalSummary::TopReasons(size_t most) const {
  std::vector<RefusalReason> top = reasons_;
  std::stable_sort(top.begin(), top.end(), [](const RefusalReason& a, const RefusalReason& b) {
    return a.lines > b.lines;
  });
  if (top.size() > most) top.resize(most);
  return top;
}

std::string RefusalSummary::Describe() const {
  if (lines() == 0) return "";
  std::string text = absl::StrCat(LinesOf(lines()), " refused");
  if (earlier_ == lines()) return text + ", all by earlier attempts: see their error lines";
  if (earlier_ > 0) absl::StrAppend(&text, ", ", earlier_, " of them by earlier attempts");
  const std::vector<RefusalReason> top = TopReasons(kShownReasons);
  if (reasons_.size() == 1) return absl::StrCat(text, ": ", DescribeReason(top.front()));
  text += ':';
  int64_t shown = 0;
  for (const RefusalReason& reason : top) {
    absl::StrAppend(&text, "\n  ", DescribeReason(reason));
    shown += reason.lines;
  }
  if (shown == lines_) return text;
  return absl::StrCat(text, "\n  and ", lines_ - shown, " more for other reasons");
}

std::string ShownMessage(const RequestError& error) {
  std::string shown;
  const std::string_view message = error.message;
  for (size_t i = 0; i < message.size();) {
    if (shown.size() > kMostMessageBytes) return shown + "…";
    const Utf8Char c = FirstUtf8Char(message.substr(i));
    const bool is_control = c.code_point < 0x20 || (c.code_point >= 0x7f && c.code_point < 0xa0);
    if (c.size == 0 || is_control) {
      shown += '?';
    } else {
      shown += message.substr(i, c.size);
    }
    i += std::max<size_t>(c.size, 1);
  }
  return shown;
}

}  // namespace octet

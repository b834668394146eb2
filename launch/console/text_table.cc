#include "launch/console/text_table.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "kernels/base/check.h"

namespace octet {

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    OCTET_CHECK_EQ(row.size(), widths.size());
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t c = 0; c + 1 < row.size(); ++c) {
      absl::StrAppendFormat(&text, "%-*s  ", static_cast<int>(widths[c]), row[c]);
    }
    absl::StrAppend(&text, row.back(), "\n");
  }
  return text;
}

std::string Counted(int64_t n, const std::string& noun) {
  return absl::StrCat(n, " ", noun, n == 1 ? "" : "s");
}

}  // namespace octet

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "kernels/base/quantile.h"
#include "launch/doctor/doctor_text.h"
#include "launch/text_table.h"

namespace octet {
namespace {

constexpr int kMostInMatrix = 8;
constexpr size_t kWorstPairs = 3;

using Links = std::vector<LinkFacts>;

std::string LinkText(const LinkFacts& link) {
  return absl::StrFormat("%.0f us %.2f GB/s", link.latency_seconds() * 1e6,
                         link.bytes_per_second() / 1e9);
}

// Returns the host of a rank, with the rank if several of the matrix share the host.
std::string EndOfLink(const DoctorReport& report, int rank, bool between_hosts) {
  return between_hosts ? report.ranks(rank).host() : absl::StrCat("rank ", rank);
}

std::string FormatMatrix(const DoctorReport& report, const std::set<int>& ranks,
                         bool between_hosts) {
  std::vector<std::vector<std::string>> rows(1);
  rows[0].emplace_back("links");
  for (const int to : ranks) {
    if (to != *ranks.begin()) rows[0].push_back(EndOfLink(report, to, between_hosts));
  }
  for (const int from : ranks) {
    if (from == *ranks.rbegin()) continue;
    std::vector<std::string>& row = rows.emplace_back();
    row.push_back(EndOfLink(report, from, between_hosts));
    for (const int to : ranks) {
      if (to == *ranks.begin()) continue;
      const auto link =
          std::find_if(report.links().begin(), report.links().end(), [&](const LinkFacts& each) {
            return std::minmax(each.rank(), each.peer()) == std::minmax(from, to);
          });
      row.push_back(to <= from || link == report.links().end() ? "" : LinkText(*link));
    }
  }
  return FormatTable(rows);
}

std::string FormatSpread(const DoctorReport& report, const char* name, const char* format,
                         absl::FunctionRef<double(const LinkFacts&)> value_of) {
  std::vector<double> values;
  for (const LinkFacts& link : report.links()) values.push_back(value_of(link));
  std::sort(values.begin(), values.end());
  std::string text = absl::StrFormat("  %-9s ", name);
  const auto parsed = absl::ParsedFormat<'f', 'f', 'f'>::New(format);
  if (parsed) absl::StrAppendFormat(&text, *parsed, values.front(), Median(values), values.back());
  return text;
}

std::string FormatWorst(const DoctorReport& report, bool between_hosts) {
  Links links(report.links().begin(), report.links().end());
  const size_t count = std::min(kWorstPairs, links.size());
  std::partial_sort(links.begin(), links.begin() + static_cast<std::ptrdiff_t>(count), links.end(),
                    [](const LinkFacts& a, const LinkFacts& b) {
                      return a.bytes_per_second() < b.bytes_per_second();
                    });
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    absl::StrAppend(&text, i == 0 ? "  slowest   " : "            ",
                    EndOfLink(report, links[i].rank(), between_hosts), " to ",
                    EndOfLink(report, links[i].peer(), between_hosts), ": ", LinkText(links[i]),
                    "\n");
  }
  return text;
}

}  // namespace

std::string FormatLinks(const DoctorReport& report) {
  if (report.links().empty()) return "";
  std::set<int> ranks;
  std::set<std::string> hosts;
  for (const LinkFacts& link : report.links()) {
    for (const int rank : {link.rank(), link.peer()}) {
      ranks.insert(rank);
      hosts.insert(report.ranks(rank).host());
    }
  }
  const bool between_hosts = hosts.size() == ranks.size();
  if (std::ssize(ranks) <= kMostInMatrix) return FormatMatrix(report, ranks, between_hosts);
  return absl::StrCat(
      Counted(report.links_size(), "link"), " between ",
      Counted(std::ssize(ranks), between_hosts ? "host" : "rank"), ": least, median, most\n",
      FormatSpread(report, "latency", "%.0f, %.0f, %.0f us\n",
                   [](const LinkFacts& link) { return link.latency_seconds() * 1e6; }),
      FormatSpread(report, "bandwidth", "%.2f, %.2f, %.2f GB/s\n",
                   [](const LinkFacts& link) { return link.bytes_per_second() / 1e9; }),
      FormatWorst(report, between_hosts));
}

}  // namespace octet

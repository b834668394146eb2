#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/quantile.h"
#include "launch/console/text_table.h"
#include "launch/doctor/doctor_text.h"

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

// The ranks that links join.
struct LinkEnds {
  std::set<int> ranks;
  bool are_hosts = true;  // each on a host of its own
};

LinkEnds EndsOf(const DoctorReport& report) {
  LinkEnds ends;
  std::set<std::string> hosts;
  for (const LinkFacts& link : report.links()) {
    for (const int rank : {link.rank(), link.peer()}) {
      ends.ranks.insert(rank);
      hosts.insert(report.ranks(rank).host());
    }
  }
  ends.are_hosts = hosts.size() == ends.ranks.size();
  return ends;
}

using LinkValue = absl::FunctionRef<std::string(const LinkFacts&)>;

std::string LatencyText(const LinkFacts& link) {
  return absl::StrFormat("%.0f", link.latency_seconds() * 1e6);
}

std::string BandwidthText(const LinkFacts& link) {
  return absl::StrFormat("%.2f", link.bytes_per_second() / 1e9);
}

// Returns rows of a value of each link, from one end to each other one; "" where nothing was
// measured.
std::vector<std::vector<std::string>> LinkMatrix(const DoctorReport& report, const LinkEnds& ends,
                                                 const char* name, LinkValue value_of) {
  std::map<std::pair<int, int>, std::string> values;
  for (const LinkFacts& link : report.links()) {
    values[std::minmax(link.rank(), link.peer())] = value_of(link);
  }
  std::vector<std::vector<std::string>> rows = {{name}};
  for (const int to : ends.ranks) rows[0].push_back(EndOfLink(report, to, ends.are_hosts));
  for (const int from : ends.ranks) {
    std::vector<std::string>& row = rows.emplace_back();
    row.push_back(EndOfLink(report, from, ends.are_hosts));
    for (const int to : ends.ranks) {
      const auto value = values.find(std::minmax(from, to));
      row.push_back(value == values.end() ? "" : value->second);
    }
  }
  return rows;
}

// Without the half that says the same.
std::string FormatHalf(std::vector<std::vector<std::string>> rows) {
  for (size_t from = 1; from < rows.size(); ++from) {
    for (size_t to = 1; to < from; ++to) rows[from][to].clear();
  }
  rows.pop_back();
  for (std::vector<std::string>& row : rows) row.erase(row.begin() + 1);
  return FormatTable(rows);
}

std::string FormatCsv(const std::vector<std::vector<std::string>>& rows) {
  return absl::StrJoin(rows, "", [](std::string* out, const std::vector<std::string>& row) {
    absl::StrAppend(out, absl::StrJoin(row, ","), "\n");
  });
}

// Says which ranks were measured, if not all of a single host.
std::string NoteOnRanks(const DoctorReport& report, const LinkEnds& ends) {
  if (ends.are_hosts || std::ssize(ends.ranks) == report.ranks_size()) return "";
  return absl::StrCat("links of ", ends.ranks.size(), " of the ", report.ranks_size(),
                      " ranks, which share a host\n");
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
  const LinkEnds ends = EndsOf(report);
  if (std::ssize(ends.ranks) <= kMostInMatrix) {
    return absl::StrCat(NoteOnRanks(report, ends),
                        FormatHalf(LinkMatrix(report, ends, "links, us", LatencyText)),
                        FormatHalf(LinkMatrix(report, ends, "links, GB/s", BandwidthText)));
  }
  return absl::StrCat(
      Counted(report.links_size(), "link"), " between ",
      Counted(std::ssize(ends.ranks), ends.are_hosts ? "host" : "rank"),
      " (all: --links FILE): least, median, most\n",
      FormatSpread(report, "latency", "%.0f, %.0f, %.0f us\n",
                   [](const LinkFacts& link) { return link.latency_seconds() * 1e6; }),
      FormatSpread(report, "bandwidth", "%.2f, %.2f, %.2f GB/s\n",
                   [](const LinkFacts& link) { return link.bytes_per_second() / 1e9; }),
      FormatWorst(report, ends.are_hosts));
}

std::string FormatLinksCsv(const DoctorReport& report) {
  if (report.links().empty()) return "";
  const LinkEnds ends = EndsOf(report);
  return absl::StrCat(FormatCsv(LinkMatrix(report, ends, "latency_us", LatencyText)), "\n",
                      FormatCsv(LinkMatrix(report, ends, "bandwidth_gb_per_s", BandwidthText)));
}

}  // namespace octet

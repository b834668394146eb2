#include "launch/hosts/hostfile.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <map>
#include <optional>

#include "kernels/base/number_range.h"
#include "launch/console/text_table.h"
#include "launch/hosts/host_list.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMostHostfileBytes = size_t{1} << 20;

struct FileHost {
  int ranks = 0;  // 0: not given
  int lines = 0;  // that name it
};

struct HostsByName {
  std::vector<FileHost> list;
  std::map<std::string, size_t> places;  // there
};

absl::Status BadLine(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<int> ParseRanks(const std::string& text, const std::string& line) {
  const std::optional<int> ranks = kRankCounts.Parse(text);
  if (ranks) return *ranks;
  return BadLine(
      absl::StrCat("slots=N ", kRankCounts.Rule(), ", not as in ", Quoted(Shortened(line))));
}

// Takes the number of "host:N" from the name; 0 if there is none. Two colons are an address.
absl::StatusOr<int> TakeNumber(std::string& name, const std::string& line) {
  const size_t after_address = name.front() == '[' ? name.find(']') : 0;
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos || colon < after_address) return 0;
  if (after_address == 0 && name.find(':') != colon) return 0;
  absl::StatusOr<int> ranks = ParseRanks(name.substr(colon + 1), line);
  name.resize(colon);
  return ranks;
}

// Returns the number of the word slots=N; 0 without it.
absl::StatusOr<int> SlotsOf(const std::vector<std::string>& words, const std::string& line) {
  constexpr std::string_view kSlots = "slots=";
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with(kSlots)) return ParseRanks(words[i].substr(kSlots.size()), line);
    if (words[i].find('=') != std::string::npos) continue;
    return BadLine(absl::StrCat(Quoted(Shortened(words[i])), " is neither slots=N nor another ",
                                "NAME=VALUE; a line has one host or a list with commas"));
  }
  return 0;
}

// Returns the words of a line, in which "slots = 2" is one.
std::vector<std::string> WordsOf(std::string line) {
  while (absl::StrReplaceAll({{"\t", " "}, {"\r", " "}, {" =", "="}, {"= ", "="}}, &line) > 0) {
  }
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

absl::Status AddLine(const std::string& line, HostsByName& hosts) {
  const std::vector<std::string> words = WordsOf(line);
  if (words.empty()) return absl::OkStatus();
  const absl::StatusOr<int> slots = SlotsOf(words, line);
  if (!slots.ok()) return slots.status();
  absl::StatusOr<std::vector<std::string>> names = ExpandHostList(words.front());
  if (!names.ok()) return names.status();
  for (std::string& name : *names) {
    const absl::StatusOr<int> number = TakeNumber(name, line);
    if (!number.ok()) return number.status();
    if (name.empty()) return BadLine("leaves a host empty");
    const auto [place, is_new] = hosts.places.try_emplace(name, hosts.list.size());
    if (is_new) hosts.list.push_back({.ranks = std::max(*slots, *number)});
    ++hosts.list[place->second].lines;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FileHost>> ParseHosts(const std::string& text) {
  HostsByName hosts;
  int number = 0;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (const std::string& line : lines) {
    ++number;
    const absl::Status status = AddLine(line.substr(0, line.find('#')), hosts);
    if (status.ok()) continue;
    return BadLine(absl::StrCat("line ", number, ": ", std::string(status.message())));
  }
  if (hosts.list.empty()) return BadLine("names no host");
  return hosts.list;
}

// Gives ranks to hosts that have none.
absl::StatusOr<std::string> ShareRanks(std::vector<FileHost>& hosts, int num_ranks) {
  const bool is_per_rank = std::ranges::all_of(hosts, [](const auto& h) { return h.ranks == 0; }) &&
                           std::ranges::any_of(hosts, [](const auto& h) { return h.lines > 1; });
  int64_t given = 0, without = 0;
  for (FileHost& host : hosts) {
    if (is_per_rank) host.ranks = host.lines;
    given += host.ranks;
    without += host.ranks == 0 ? 1 : 0;
  }
  if (without == 0) return "";
  const int64_t left = num_ranks - given;
  const int64_t share = num_ranks == 0 ? 1 : left / without;
  if (num_ranks > 0 && (share < 1 || share * without != left)) {
    return BadLine(absl::StrCat(Counted(without, "host"), " without slots=N can't share ",
                                Counted(std::max<int64_t>(left, 0), "rank"), " that --ranks ",
                                num_ranks, " leaves: give slots=N on each line"));
  }
  for (FileHost& host : hosts) host.ranks = host.ranks > 0 ? host.ranks : static_cast<int>(share);
  return absl::StrCat(Counted(without, "host"), " without slots=N: ", Counted(share, "rank"),
                      " on each",
                      num_ranks == 0 ? "; slots=N, or --ranks for all of them, changes that" : "");
}

absl::StatusOr<HostsOfRanks> ParseHostfile(const std::string& text, int num_ranks) {
  absl::StatusOr<std::vector<FileHost>> hosts = ParseHosts(text);
  if (!hosts.ok()) return hosts.status();
  absl::StatusOr<std::string> note = ShareRanks(*hosts, num_ranks);
  if (!note.ok()) return note.status();
  HostsOfRanks result = {.host_of = {}, .note = *std::move(note)};
  for (size_t h = 0; h < hosts->size(); ++h) {
    if (std::ssize(result.host_of) + (*hosts)[h].ranks > kRankCounts.most) {
      return BadLine(absl::StrCat("has slots for more than ", kRankCounts.most, " ranks"));
    }
    result.host_of.resize(result.host_of.size() + (*hosts)[h].ranks, static_cast<int>(h));
  }
  return result;
}

}  // namespace

absl::StatusOr<HostsOfRanks> ReadHostfile(FileSystem& files, const std::string& flag,
                                          const std::string& path, int num_ranks) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostHostfileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", std::string(text.status().message())));
  }
  absl::StatusOr<HostsOfRanks> hosts = ParseHostfile(*text, num_ranks);
  if (hosts.ok()) {
    if (!hosts->note.empty()) hosts->note = absl::StrCat(flag, " ", path, ": ", hosts->note);
    return hosts;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", path, ": ", std::string(hosts.status().message())));
}

}  // namespace octet

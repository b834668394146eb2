#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "launch/doctor/checks.h"
#include "launch/setup/core_binding.h"
#include "launch/setup/memory_plan.h"

namespace octet {
namespace {

std::set<int> CoresOfRank(const RankFacts& rank) {
  return {rank.allowed_cores().begin(), rank.allowed_cores().end()};
}

std::vector<int> CommonCores(const RankFacts& a, const RankFacts& b) {
  const std::set<int> of_a = CoresOfRank(a);
  const std::set<int> of_b = CoresOfRank(b);
  std::vector<int> common;
  std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                        std::back_inserter(common));
  return common;
}

void CheckBinding(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    std::vector<RankCores> cores;
    for (const RankFacts* rank : host.ranks) {
      cores.push_back({.host = host.name,
                       .allowed = rank->allowed_cores_size(),
                       .available = rank->available_cores()});
    }
    const std::string note = NoteOnBinding(cores, host.facts().launcher(), input.report.threads());
    if (note.empty()) continue;
    const size_t end = note.rfind(": ");  // what it says, then what to do
    findings.Add(host.name,
                 {kDoctorWarning, "core-binding", note.substr(0, end), note.substr(end + 2)});
  }
}

// Two ranks of a host whose sets of cores overlap while cores are idle, or overlap in part.
struct SharedCoresOfRanks {
  int rank;
  int other;
  std::vector<int> cores;
};

std::optional<SharedCoresOfRanks> FindCoresSharedForNothing(const DoctorHost& host) {
  std::set<int> used;
  for (const RankFacts* rank : host.ranks) used.merge(CoresOfRank(*rank));
  const bool some_are_idle = std::ssize(used) < host.facts().available_cores();
  for (size_t i = 0; i < host.ranks.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      std::vector<int> common = CommonCores(*host.ranks[j], *host.ranks[i]);
      if (common.empty()) continue;
      const bool is_same = CoresOfRank(*host.ranks[i]) == CoresOfRank(*host.ranks[j]);
      if (is_same && !some_are_idle) continue;
      return SharedCoresOfRanks{host.ranks[j]->rank(), host.ranks[i]->rank(), std::move(common)};
    }
  }
  return std::nullopt;
}

void CheckSharedCores(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    const auto shared = FindCoresSharedForNothing(host);
    if (shared) {
      findings.Add(
          host.name,
          {kDoctorWarning, "shared-cores",
           absl::StrCat("ranks ", shared->rank, " and ", shared->other, " are bound to the same ",
                        shared->cores.size() == 1 ? "core " : "cores ",
                        absl::StrJoin(shared->cores, ",")),
           "start with launch/run.sh, or give --bind-to none, and no core list"});
    }
    const int available = host.facts().available_cores();
    if (available > 0 && std::ssize(host.ranks) > available) {
      findings.Add(host.name, {kDoctorWarning, "oversubscribed",
                               absl::StrCat(host.ranks.size(), " ranks share ", available,
                                            available == 1 ? " core" : " cores"),
                               "start fewer ranks: one for each NUMA node is a good number"});
    }
  }
}

void CheckEqualCores(const CheckInput& input, FindingList& findings) {
  int most = 0;
  std::string name;
  for (const DoctorHost& host : input.hosts) {
    if (host.facts().available_cores() <= most) continue;
    most = host.facts().available_cores();
    name = host.name;
  }
  for (const DoctorHost& host : input.hosts) {
    const int cores = host.facts().available_cores();
    if (cores == 0 || cores == most) continue;
    findings.Add(host.name, {kDoctorNote, "unequal-cores",
                             absl::StrCat("has ", cores, " cores, ", name, " has ", most,
                                          ", and all ranks step together"),
                             "give it fewer ranks or experts (octet plan --help)"});
  }
}

}  // namespace

void CheckCores(const CheckInput& input, FindingList& findings) {
  CheckBinding(input, findings);
  CheckSharedCores(input, findings);
  CheckEqualCores(input, findings);
}

void CheckNuma(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    const auto& nodes = host.facts().numa_nodes();
    if (nodes.size() < 2) continue;
    const auto [least, most] = std::minmax_element(
        nodes.begin(), nodes.end(),
        [](const auto& a, const auto& b) { return a.memory_bytes() < b.memory_bytes(); });
    const bool lacks_memory = 2 * least->memory_bytes() < most->memory_bytes();
    if (lacks_memory && least->cores() > 0) {
      findings.Add(host.name, {kDoctorWarning, "numa-memory",
                               absl::StrCat("NUMA node ", least->node(), " has ",
                                            FormatGiB(least->memory_bytes()), " of memory, node ",
                                            most->node(), " has ", FormatGiB(most->memory_bytes())),
                               "spread the memory modules evenly over the sockets"});
    }
    if (std::ssize(host.ranks) < nodes.size()) {
      findings.Add(
          host.name,
          {kDoctorNote, "numa-ranks",
           absl::StrCat(host.ranks.size(), host.ranks.size() == 1 ? " rank uses " : " ranks use ",
                        nodes.size(), " NUMA nodes, so that some reads cross nodes"),
           absl::StrCat("give --ranks-per-host ", nodes.size())});
    }
  }
}

}  // namespace octet

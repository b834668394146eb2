#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernels/cpu/isa.h"
#include "launch/doctor/checks.h"
#include "launch/doctor/host_facts.h"

namespace octet {
namespace {

// The clocks of results and logs may differ by as much.
constexpr double kClockSeconds = 1;

// The paths of the ranks that have any.
std::vector<std::vector<Isa>> IsasOfRanks(const DoctorReport& report) {
  std::vector<std::vector<Isa>> all;
  for (const RankFacts& rank : report.ranks()) {
    std::vector<Isa> isas;
    for (const std::string& name : rank.isas()) {
      if (const std::optional<Isa> isa = ParseIsa(name)) isas.push_back(*isa);
    }
    if (!isas.empty()) all.push_back(isas);
  }
  return all;
}

}  // namespace

void CheckPrograms(const CheckInput& input, FindingList& findings) {
  const RankFacts& root = input.report.ranks(0);
  for (const RankFacts& rank : input.report.ranks()) {
    const auto differs = [&](const std::string& (RankFacts::*field)() const) {
      return !(rank.*field)().empty() && !(root.*field)().empty() &&
             (rank.*field)() != (root.*field)();
    };
    if (differs(&RankFacts::octet_version) || differs(&RankFacts::program_hash)) {
      findings.Add(rank.host(),
                   {kDoctorError, "octet-version",
                    absl::StrCat("octet ", rank.octet_version(), " is another build than octet ",
                                 root.octet_version(), " of rank 0 on ", root.host()),
                    "put the same program on all hosts, or on a file system that they share"});
    }
    if (differs(&RankFacts::mpi_version)) {
      findings.Add(rank.host(), {kDoctorError, "mpi-version",
                                 absl::StrCat(rank.mpi_version(), ", but ", root.mpi_version(),
                                              " for rank 0 on ", root.host()),
                                 "install the same version of openmpi-bin on all hosts"});
    }
    if (differs(&RankFacts::kernel)) {
      findings.Add(rank.host(), {kDoctorNote, "kernel-version",
                                 absl::StrCat("Linux ", rank.kernel(), ", but ", root.kernel(),
                                              " on ", root.host()),
                                 "update the hosts together if they differ in speed"});
    }
  }
}

void CheckClocks(const CheckInput& input, FindingList& findings) {
  for (const RankFacts& rank : input.report.ranks()) {
    const double offset = rank.clock_offset_seconds();
    if (std::abs(offset) <= kClockSeconds) continue;
    findings.Add(rank.host(),
                 {kDoctorWarning, "clock",
                  absl::StrFormat("the clock is at least %.1f s %s that of %s", std::abs(offset),
                                  offset > 0 ? "ahead of" : "behind", input.hosts[0].name),
                  "run chrony or systemd-timesyncd on all hosts, else times in logs mislead"});
  }
}

void CheckProcessors(const CheckInput& input, FindingList& findings) {
  const std::optional<Isa> common = BestCommonIsa(IsasOfRanks(input.report));
  for (const DoctorHost& host : input.hosts) {
    const RankFacts& facts = host.facts();
    const std::string best = BestIsa(facts);
    if (best == "none") {
      findings.Add(host.name,
                   {kDoctorError, "instruction-path",
                    absl::StrCat("the processor (", facts.cpu_model(), ") has no AVX2 with FMA"),
                    "leave this host out"});
    } else if (common && ParseIsa(best) && best != Name(*common)) {
      findings.Add(host.name, {kDoctorWarning, "instruction-path",
                               absl::StrCat("could use ", best, ", but all ranks will use ",
                                            Name(*common), ", the best that all hosts have"),
                               "leave the hosts with less out, or make two jobs of them"});
    }
    for (const std::string& governor : facts.governors()) {
      if (governor != "powersave" && governor != "conservative" && governor != "userspace")
        continue;
      findings.Add(host.name,
                   {kDoctorWarning, "cpu-governor",
                    absl::StrCat("the frequency of cores is governed by '", governor, "'"),
                    "cpupower frequency-set -g performance"});
    }
  }
}

}  // namespace octet

#include "launch/doctor/diagnosis.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "launch/doctor/checks.h"

namespace octet {
namespace {

// Returns the place of a severity among them, the worst first.
int RankOfSeverity(const std::string& severity) {
  if (severity == kDoctorError) return 0;
  return severity == kDoctorWarning ? 1 : 2;
}

}  // namespace

double DoctorHost::DramRate() const {
  double rate = 0;
  for (const RankFacts* rank : ranks) rate += rank->dram_bytes_per_second();
  return rate;
}

std::vector<DoctorHost> HostsOfReport(const DoctorReport& report) {
  std::vector<DoctorHost> hosts;
  for (const RankFacts& rank : report.ranks()) {
    const auto host = std::find_if(hosts.begin(), hosts.end(),
                                   [&](const DoctorHost& h) { return h.name == rank.host(); });
    if (host == hosts.end()) {
      hosts.push_back({.name = rank.host(), .ranks = {&rank}});
    } else {
      host->ranks.push_back(&rank);
    }
  }
  return hosts;
}

void FindingList::Add(const std::string& host, const Symptom& symptom) {
  const auto same =
      std::find_if(findings_.begin(), findings_.end(), [&](const DoctorFinding& finding) {
        return !host.empty() && finding.hosts_size() > 0 &&
               finding.severity() == symptom.severity && finding.check() == symptom.check &&
               finding.remedy() == symptom.remedy;
      });
  if (same != findings_.end()) {
    if (*same->hosts().rbegin() != host) same->add_hosts(host);
    return;
  }
  DoctorFinding& finding = findings_.emplace_back();
  finding.set_severity(symptom.severity);
  finding.set_check(symptom.check);
  finding.set_text(symptom.text);
  finding.set_remedy(symptom.remedy);
  if (!host.empty()) finding.add_hosts(host);
}

std::vector<DoctorFinding> FindingList::Sorted() const {
  std::vector<DoctorFinding> sorted = findings_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const DoctorFinding& a, const DoctorFinding& b) {
                     return RankOfSeverity(a.severity()) < RankOfSeverity(b.severity());
                   });
  return sorted;
}

std::vector<DoctorFinding> Diagnose(const DoctorReport& report) {
  const std::vector<DoctorHost> hosts = HostsOfReport(report);
  const CheckInput input = {.report = report, .hosts = hosts};
  FindingList findings;
  for (const auto check :
       {CheckPrograms, CheckModel, CheckClocks, CheckCores, CheckProcessors, CheckNuma, CheckMemory,
        CheckLimits, CheckSpace, CheckNetwork, CheckSpeeds}) {
    check(input, findings);
  }
  return findings.Sorted();
}

std::string NameHosts(const std::vector<std::string>& hosts) {
  if (hosts.empty()) return "";
  if (hosts.size() == 1) return hosts[0];
  if (hosts.size() == 2) return absl::StrCat(hosts[0], " and ", hosts[1]);
  return absl::StrCat(hosts[0], " and ", hosts.size() - 1, " other hosts");
}

}  // namespace octet

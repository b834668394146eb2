#include "launch/doctor/doctor_text.h"

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "launch/console/one_line.h"
#include "launch/console/text_table.h"
#include "launch/doctor/checks.h"
#include "launch/doctor/diagnosis.h"
#include "launch/doctor/host_facts.h"

namespace octet {
namespace {

constexpr double kDoctorGigabyte = 1e9;

std::string RanksText(const DoctorHost& host) {
  std::vector<int> ranks;
  for (const RankFacts* rank : host.ranks) ranks.push_back(rank->rank());
  return FormatRanges(ranks);
}

std::string CoresText(const DoctorHost& host) {
  std::set<int> cores;
  for (const RankFacts* rank : host.ranks) {
    cores.insert(rank->allowed_cores().begin(), rank->allowed_cores().end());
  }
  return absl::StrCat(cores.size(), " of ", host.facts().available_cores());
}

std::string MemoryText(const MemoryFacts& memory) {
  constexpr double kGiB = 1 << 30;
  return absl::StrFormat("%.1f of %.1f GiB", static_cast<double>(memory.available_bytes()) / kGiB,
                         static_cast<double>(memory.total_bytes()) / kGiB);
}

std::string DramText(const DoctorHost& host) {
  const double rate = host.DramRate();
  return rate == 0 ? "-" : absl::StrFormat("%.1f GB/s", rate / kDoctorGigabyte);
}

std::string FormatHosts(const std::vector<DoctorHost>& hosts) {
  std::vector<std::vector<std::string>> rows = {
      {"host", "ranks", "cores", "memory free", "NUMA nodes", "path", "memory reads"}};
  for (const DoctorHost& host : hosts) {
    const RankFacts& facts = host.facts();
    rows.push_back({host.name, RanksText(host), CoresText(host), MemoryText(facts.memory()),
                    absl::StrCat(facts.numa_nodes_size()), BestIsa(facts), DramText(host)});
  }
  return FormatTable(rows);
}

// Returns a line "NAME  VALUE" for a value of all hosts, or lines for each value with its hosts.
std::string FormatCommon(const std::vector<DoctorHost>& hosts, const std::string& name,
                         absl::FunctionRef<std::string(const RankFacts&)> value_of) {
  std::map<std::string, std::vector<std::string>> hosts_of;
  for (const DoctorHost& host : hosts) hosts_of[value_of(host.facts())].push_back(host.name);
  std::string text;
  for (const auto& [value, names] : hosts_of) {
    if (value.empty()) continue;
    absl::StrAppendFormat(&text, "%-10s %s%s\n", name, OneLine(value),
                          hosts_of.size() == 1 ? "" : "  on " + NameHosts(names));
  }
  return text;
}

std::string InterfacesText(const RankFacts& facts) {
  std::set<std::string> names;
  for (const InterfaceFacts& interface : facts.interfaces()) {
    if (interface.is_loopback()) continue;
    const bool is_used = std::any_of(facts.connections().begin(), facts.connections().end(),
                                     [&](const TcpFacts& connection) {
                                       return connection.local_address() == interface.address();
                                     });
    const int64_t speed = interface.megabits_per_second();
    names.insert(absl::StrCat(interface.name(),
                              speed > 0 ? absl::StrCat(" (", speed, " Mbit/s)") : "",
                              is_used ? " used" : ""));
  }
  return absl::StrJoin(names, ", ");
}

std::string DevicesText(const RankFacts& facts) {
  std::map<std::string, int> counts;
  for (const std::string& device : facts.devices()) ++counts[device];
  return absl::StrJoin(counts, ", ", [](std::string* out, const auto& each) {
    absl::StrAppend(out, each.second, " ", each.first);
  });
}

std::string FormatModelLine(const DoctorReport& report) {
  if (report.model_path().empty()) return "";
  const ModelFacts& model = report.ranks(0).model();
  double bytes = 0;
  for (const ModelFileFacts& file : model.files()) bytes += static_cast<double>(file.bytes());
  return absl::StrFormat(
      "%-10s %s: %s, %s, %.2f GB%s\n", "model", OneLine(report.model_path()), model.format(),
      Counted(model.files_size(), "file"), bytes / kDoctorGigabyte,
      model.is_sampled() ? ", of which samples were compared (all: --read-all)" : "");
}

std::string FormatFinding(const DoctorFinding& finding) {
  const std::vector<std::string> hosts(finding.hosts().begin(), finding.hosts().end());
  return absl::StrFormat("%-8s %s%s; %s\n", finding.severity(),
                         hosts.empty() ? "" : NameHosts(hosts) + ": ", OneLine(finding.text()),
                         OneLine(finding.remedy()));
}

std::string FormatFindings(const DoctorReport& report) {
  std::string text;
  std::map<std::string, int> counts;
  for (const DoctorFinding& finding : report.findings()) {
    absl::StrAppend(&text, FormatFinding(finding));
    ++counts[finding.severity()];
  }
  return absl::StrCat(text, Counted(counts[kDoctorError], "error"), ", ",
                      Counted(counts[kDoctorWarning], "warning"), ", ",
                      Counted(counts[kDoctorNote], "note"), "\n");
}

}  // namespace

std::string FormatRanges(const std::vector<int>& numbers) {
  std::string text;
  for (size_t first = 0; first < numbers.size();) {
    size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    absl::StrAppend(&text, text.empty() ? "" : ",", numbers[first]);
    if (last > first) absl::StrAppend(&text, "-", numbers[last]);
    first = last + 1;
  }
  return text;
}

std::string FormatDoctorReport(const DoctorReport& report) {
  const std::vector<DoctorHost> hosts = HostsOfReport(report);
  std::string text = FormatHosts(hosts);
  const auto add = [&](const std::string& name,
                       absl::FunctionRef<std::string(const RankFacts&)> value_of) {
    absl::StrAppend(&text, FormatCommon(hosts, name, value_of));
  };
  add("octet", [](const RankFacts& facts) { return facts.octet_version(); });
  add("MPI", [](const RankFacts& facts) { return facts.mpi_version(); });
  add("kernel", [](const RankFacts& facts) { return absl::StrCat("Linux ", facts.kernel()); });
  add("processor", [](const RankFacts& facts) { return facts.cpu_model(); });
  add("devices", DevicesText);
  add("network", InterfacesText);
  return absl::StrCat(text, FormatModelLine(report), FormatLinks(report), "\n",
                      FormatFindings(report));
}

}  // namespace octet

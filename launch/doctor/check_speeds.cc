#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <vector>

#include "launch/doctor/checks.h"
#include "launch/statistics/statistics.h"

namespace octet {
namespace {

// Half of what TCP gets out of 1 Gbit/s, and more than a switch or two take: a layer's exchange
// then takes longer than its products.
constexpr double kSlowLink = 60e6;  // bytes per second
constexpr double kFarLink = 1e-3;   // seconds

// A link is an outlier if it is worse than the median by this factor.
constexpr double kOutlier = 4;

struct LinkMedians {
  double latency;
  double rate;
};

LinkMedians MediansOf(const std::vector<LinkFacts>& links) {
  std::vector<double> latencies;
  std::vector<double> rates;
  for (const LinkFacts& link : links) {
    latencies.push_back(link.latency_seconds());
    rates.push_back(link.bytes_per_second());
  }
  return {.latency = Median(latencies), .rate = Median(rates)};
}

bool IsSlowLink(const LinkFacts& link, const LinkMedians& usual) {
  return link.bytes_per_second() < std::max(kSlowLink, usual.rate / kOutlier);
}

bool IsFarLink(const LinkFacts& link, const LinkMedians& usual) {
  return link.latency_seconds() > kFarLink ||
         (link.latency_seconds() > kOutlier * usual.latency && link.latency_seconds() > 2e-4);
}

// Adds one finding for the links that have a fault: the worst, and how many there are.
void AddLinks(const CheckInput& input, const char* check, const std::string& fault,
              const LinkFacts& worst, size_t count, size_t all, FindingList& findings) {
  const std::string& from = input.report.ranks(worst.rank()).host();
  const std::string& to = input.report.ranks(worst.peer()).host();
  findings.AddForJob(
      {kDoctorWarning, check,
       absl::StrFormat(
           "%d of %d links between hosts %s, the worst %s to %s with %.0f us and %.4g MB/s", count,
           all, fault, from, to, worst.latency_seconds() * 1e6, worst.bytes_per_second() / 1e6),
       absl::StrCat("look at the cables and switches there (ethtool), or choose another network "
                    "(launch/run.sh --interface NAME)")});
}

void CheckLinks(const CheckInput& input, FindingList& findings) {
  std::vector<LinkFacts> links;  // between hosts
  for (const LinkFacts& link : input.report.links()) {
    if (input.report.ranks(link.rank()).host() != input.report.ranks(link.peer()).host()) {
      links.push_back(link);
    }
  }
  if (links.empty()) return;
  const LinkMedians usual = MediansOf(links);
  std::vector<LinkFacts> slow;
  std::vector<LinkFacts> far;
  for (const LinkFacts& link : links) {
    if (IsSlowLink(link, usual)) slow.push_back(link);
    if (IsFarLink(link, usual)) far.push_back(link);
  }
  if (!slow.empty()) {
    const auto worst = std::min_element(slow.begin(), slow.end(), [](const auto& a, const auto& b) {
      return a.bytes_per_second() < b.bytes_per_second();
    });
    AddLinks(input, "link-bandwidth", slow.size() == 1 ? "is slow" : "are slow", *worst,
             slow.size(), links.size(), findings);
  }
  if (!far.empty()) {
    const auto worst = std::max_element(far.begin(), far.end(), [](const auto& a, const auto& b) {
      return a.latency_seconds() < b.latency_seconds();
    });
    AddLinks(input, "link-latency", far.size() == 1 ? "has a long delay" : "have a long delay",
             *worst, far.size(), links.size(), findings);
  }
}

void CheckDram(const CheckInput& input, FindingList& findings) {
  double usual = 0;
  for (const DoctorHost& host : input.hosts) usual = std::max(usual, host.DramRate());
  for (const DoctorHost& host : input.hosts) {
    const double rate = host.DramRate();
    if (rate == 0 || rate > usual / 2) continue;
    findings.Add(
        host.name,
        {kDoctorWarning, "memory-bandwidth",
         absl::StrFormat("memory is read with %.1f GB/s, on another host with %.1f", rate / 1e9,
                         usual / 1e9),
         "look for other load there (top), and for empty memory channels (dmidecode -t memory)"});
  }
}

}  // namespace

void CheckSpeeds(const CheckInput& input, FindingList& findings) {
  CheckLinks(input, findings);
  CheckDram(input, findings);
}

}  // namespace octet

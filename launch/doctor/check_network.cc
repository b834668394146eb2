#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/doctor/checks.h"

namespace octet {
namespace {

const InterfaceFacts* InterfaceWithAddress(const RankFacts& facts, const std::string& address) {
  for (const InterfaceFacts& interface : facts.interfaces()) {
    if (interface.address() == address) return &interface;
  }
  return nullptr;
}

const InterfaceFacts* InterfaceNamed(const RankFacts& facts, const std::string& name) {
  for (const InterfaceFacts& interface : facts.interfaces()) {
    if (interface.name() == name) return &interface;
  }
  return nullptr;
}

// The addresses that one host alone has, and those of several.
struct DoctorAddresses {
  std::map<std::string, std::set<std::string>> hosts_of;  // without loopback

  explicit DoctorAddresses(const std::vector<DoctorHost>& hosts) {
    for (const DoctorHost& host : hosts) {
      for (const InterfaceFacts& interface : host.facts().interfaces()) {
        if (!interface.is_loopback()) hosts_of[interface.address()].insert(host.name);
      }
    }
  }

  bool IsShared(const std::string& address) const {
    const auto found = hosts_of.find(address);
    return found != hosts_of.end() && found->second.size() > 1;
  }
};

// Returns the fastest interface that all hosts have under one name, with an address of their own;
// nothing if there is none.
std::optional<std::string> BestInterface(const CheckInput& input,
                                         const DoctorAddresses& addresses) {
  std::optional<std::string> best;
  int64_t best_speed = -1;
  for (const InterfaceFacts& candidate : input.hosts[0].facts().interfaces()) {
    int64_t speed = candidate.megabits_per_second();
    const bool serves =
        std::all_of(input.hosts.begin(), input.hosts.end(), [&](const DoctorHost& host) {
          const InterfaceFacts* own = InterfaceNamed(host.facts(), candidate.name());
          if (own == nullptr || own->is_loopback() || own->is_bridge()) return false;
          speed = std::min(speed, own->megabits_per_second());
          return !addresses.IsShared(own->address());
        });
    if (!serves || speed <= best_speed) continue;
    best = candidate.name();
    best_speed = speed;
  }
  return best;
}

std::string AdviceOnInterface(const std::optional<std::string>& best) {
  return absl::StrCat("give launch/run.sh --interface ", best ? *best : "NAME");
}

std::string DescribeSpeed(int64_t megabits) {
  if (megabits >= 1000 && megabits % 1000 == 0) return absl::StrCat(megabits / 1000, " Gbit/s");
  return absl::StrCat(megabits, " Mbit/s");
}

// An interface that Open MPI takes for a way to another host, and that is none.
void CheckSharedAddresses(const CheckInput& input, const DoctorAddresses& addresses,
                          FindingList& findings) {
  const std::optional<std::string> best = BestInterface(input, addresses);
  for (const DoctorHost& host : input.hosts) {
    if (!host.facts().interfaces_chosen().empty()) continue;
    for (const InterfaceFacts& interface : host.facts().interfaces()) {
      if (interface.is_loopback() || !addresses.IsShared(interface.address())) continue;
      findings.Add(
          host.name,
          {kDoctorWarning, "same-address",
           absl::StrCat("interface ", interface.name(), " has the address ", interface.address(),
                        ", which other hosts have, too: a job may hang in its start"),
           AdviceOnInterface(best)});
    }
  }
}

// Returns the interfaces that carry connections of the host's ranks to other hosts.
std::set<const InterfaceFacts*> UsedInterfaces(const DoctorHost& host,
                                               const DoctorAddresses& addresses) {
  std::set<const InterfaceFacts*> used;
  for (const RankFacts* rank : host.ranks) {
    for (const TcpFacts& connection : rank->connections()) {
      const auto remote = addresses.hosts_of.find(connection.remote_address());
      if (remote == addresses.hosts_of.end() || remote->second.contains(host.name)) continue;
      const InterfaceFacts* own = InterfaceWithAddress(host.facts(), connection.local_address());
      if (own != nullptr) used.insert(own);
    }
  }
  return used;
}

void CheckUsedInterface(const DoctorHost& host, const InterfaceFacts& used,
                        const std::optional<std::string>& best, FindingList& findings) {
  const int64_t speed = used.megabits_per_second();
  if (used.is_loopback()) {
    findings.Add(host.name, {kDoctorError, "interface-loopback",
                             absl::StrCat("ranks talk to other hosts over ", used.name(),
                                          ", which leads to this host alone"),
                             AdviceOnInterface(best)});
    return;
  }
  if (used.is_bridge()) {
    findings.Add(host.name, {kDoctorWarning, "interface-bridge",
                             absl::StrCat("ranks talk to other hosts over ", used.name(),
                                          ", a bridge for containers or virtual machines"),
                             AdviceOnInterface(best)});
  }
  const InterfaceFacts* other = best ? InterfaceNamed(host.facts(), *best) : nullptr;
  if (other != nullptr && speed > 0 && other->megabits_per_second() > speed) {
    findings.Add(host.name, {kDoctorWarning, "interface-slower",
                             absl::StrCat("ranks talk to other hosts over ", used.name(), " (",
                                          DescribeSpeed(speed), "), and ", other->name(), " has ",
                                          DescribeSpeed(other->megabits_per_second())),
                             AdviceOnInterface(best)});
  } else if (speed > 0 && speed <= 1000) {
    findings.Add(host.name, {kDoctorWarning, "interface-slow",
                             absl::StrCat("ranks talk to other hosts over ", used.name(),
                                          ", which has ", DescribeSpeed(speed)),
                             "use a network of 10 Gbit/s or more, or fewer hosts"});
  }
}

}  // namespace

void CheckNetwork(const CheckInput& input, FindingList& findings) {
  if (input.hosts.size() < 2) return;
  const DoctorAddresses addresses(input.hosts);
  CheckSharedAddresses(input, addresses, findings);
  const std::optional<std::string> best = BestInterface(input, addresses);
  for (const DoctorHost& host : input.hosts) {
    for (const InterfaceFacts* used : UsedInterfaces(host, addresses)) {
      CheckUsedInterface(host, *used, best, findings);
    }
  }
}

}  // namespace octet

#include "launch/doctor/network_facts.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <bit>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace octet {
namespace {

std::string AddressText(in_addr address) {
  char text[INET_ADDRSTRLEN] = {};
  return inet_ntop(AF_INET, &address, text, sizeof(text)) == nullptr ? "" : text;
}

// Returns the address in "0100007F:1F90": a word in the order of this machine's bytes, and a port.
std::optional<std::string> AddressOfEnd(const std::string& end) {
  in_addr address = {};
  if (!absl::SimpleHexAtoi(end.substr(0, end.find(':')), &address.s_addr)) return std::nullopt;
  return AddressText(address);
}

int64_t SpeedOf(FileSystem& files, const std::string& interface) {
  const absl::StatusOr<std::string> text =
      files.ReadStream(absl::StrCat("/sys/class/net/", interface, "/speed"));
  int64_t megabits = 0;  // an error of the read, or -1, where the driver does not know
  return text.ok() && absl::SimpleAtoi(*text, &megabits) && megabits > 0 ? megabits : 0;
}

struct FreeAddresses {
  void operator()(ifaddrs* addresses) const { freeifaddrs(addresses); }
};

}  // namespace

std::vector<InterfaceFacts> ReadInterfaces(FileSystem& files) {
  std::vector<InterfaceFacts> interfaces;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return interfaces;
  const std::unique_ptr<ifaddrs, FreeAddresses> all(first);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    const bool is_up = (each->ifa_flags & IFF_UP) != 0;
    if (!is_up || each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    InterfaceFacts& facts = interfaces.emplace_back();
    facts.set_name(each->ifa_name);
    facts.set_address(AddressText(reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr));
    if (each->ifa_netmask != nullptr) {
      const auto* mask = reinterpret_cast<const sockaddr_in*>(each->ifa_netmask);
      facts.set_prefix_length(std::popcount(mask->sin_addr.s_addr));
    }
    facts.set_is_loopback((each->ifa_flags & IFF_LOOPBACK) != 0);
    facts.set_is_bridge(files.Exists(absl::StrCat("/sys/class/net/", facts.name(), "/bridge")));
    facts.set_megabits_per_second(SpeedOf(files, facts.name()));
  }
  return interfaces;
}

std::vector<TcpFacts> ParseTcpTable(const std::string& text, const std::set<std::string>& inodes) {
  constexpr size_t kLocal = 1;
  constexpr size_t kRemote = 2;
  constexpr size_t kState = 3;
  constexpr size_t kInode = 9;
  std::set<std::pair<std::string, std::string>> pairs;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() <= kInode || fields[kState] != "01" || !inodes.contains(fields[kInode])) {
      continue;
    }
    const std::optional<std::string> local = AddressOfEnd(fields[kLocal]);
    const std::optional<std::string> remote = AddressOfEnd(fields[kRemote]);
    if (local && remote) pairs.emplace(*local, *remote);
  }
  std::vector<TcpFacts> connections;
  for (const auto& [local, remote] : pairs) {
    TcpFacts& facts = connections.emplace_back();
    facts.set_local_address(local);
    facts.set_remote_address(remote);
  }
  return connections;
}

std::vector<TcpFacts> ReadTcpConnections(FileSystem& files) {
  std::set<std::string> inodes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    constexpr std::string_view kSocket = "socket:[";
    if (!target.starts_with(kSocket)) continue;
    inodes.insert(target.substr(kSocket.size(), target.size() - kSocket.size() - 1));
  }
  const absl::StatusOr<std::string> table = files.ReadStream("/proc/self/net/tcp");
  return table.ok() ? ParseTcpTable(*table, inodes) : std::vector<TcpFacts>();
}

}  // namespace octet

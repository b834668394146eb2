#include "launch/replay/replay_inputs.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "kernels/base/number_range.h"
#include "launch/bench/machine_profile.h"
#include "launch/files/proto_text.h"
#include "runtime/trace/trace_reader.h"

namespace octet {
namespace {

constexpr NumberRange<int> kHostCounts = {0, kRankCounts.most};  // 0: not given
constexpr NumberRange<double> kHostAmounts = {0, std::numeric_limits<double>::max()};
constexpr int64_t kMostClusterRanks = int64_t{1} << 20;

absl::StatusOr<ReplayedModel> ReadModel(FileSystem& files, const std::string& path) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<const TraceRecord*> first = reader->Next();
  if (!first.ok()) return first.status();
  if (*first == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no steps"));
  }
  return ReplayedModel::FromHeader(reader->header());
}

absl::Status CheckHosts(const ClusterHosts& hosts, int index) {
  for (const auto& [name, value] : {std::pair{"count", hosts.count()},
                                    {"ranks", hosts.ranks()},
                                    {"threads", hosts.threads()}}) {
    if (kHostCounts.Contains(value)) continue;
    return absl::InvalidArgumentError(absl::StrCat(" hosts ", index + 1, ": ", name, ": ", value,
                                                   ": must be from ", kHostCounts.Limits()));
  }
  for (const auto& [name, value] :
       {std::pair{"speed", hosts.speed()}, {"memory_gib", hosts.memory_gib()}}) {
    if (kHostAmounts.Contains(value)) continue;
    return absl::InvalidArgumentError(absl::StrCat(" hosts ", index + 1, ": ", name, ": ", value,
                                                   ": must be 0 or a positive number"));
  }
  return absl::OkStatus();
}

std::string Beside(const std::string& file, const std::string& name) {
  return (std::filesystem::path(file).parent_path() / name).string();
}

}  // namespace

absl::StatusOr<ReplayedTrace> ReadReplayedTrace(FileSystem& files, const std::string& path) {
  const absl::StatusOr<ReplayedModel> model = ReadModel(files, path);
  if (!model.ok()) return model.status();
  absl::StatusOr<TokenTable> table = ReadTokenTable(files, path);
  if (!table.ok()) return table.status();
  return ReplayedTrace{.path = path, .model = *model, .table = *std::move(table)};
}

absl::StatusOr<Cluster> ParseCluster(const std::string& text) {
  Cluster cluster;
  const absl::Status status = ParseTextProto(text, cluster);
  if (!status.ok()) return status;
  for (int i = 0; i < cluster.hosts_size(); ++i) {
    if (absl::Status checked = CheckHosts(cluster.hosts(i), i); !checked.ok()) return checked;
  }
  int64_t ranks = 0;
  for (ClusterHosts& hosts : *cluster.mutable_hosts()) {
    hosts.set_count(std::max(1, hosts.count()));
    hosts.set_ranks(std::max(1, hosts.ranks()));
    ranks += int64_t{hosts.count()} * hosts.ranks();
  }
  if (ranks <= kMostClusterRanks) return cluster;
  return absl::InvalidArgumentError(
      absl::StrCat(" its hosts have ", ranks, " ranks: at most ", kMostClusterRanks));
}

absl::StatusOr<ClusterFile> ReadClusterFile(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Cluster> cluster = ParseCluster(*text);
  if (!cluster.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", std::string(cluster.status().message()),
                     " (a Cluster is expected: proto/cluster.proto)"));
  }
  ClusterFile file = {.path = path, .cluster = *std::move(cluster), .profiles = {}, .exchange = {}};
  for (const ClusterHosts& hosts : file.cluster.hosts()) {
    if (file.profiles.contains(hosts.profile())) continue;
    absl::StatusOr<MachineProfile> profile =
        ReadMachineProfile(files, Beside(path, hosts.profile()));
    if (!profile.ok()) return profile.status();
    file.profiles.emplace(hosts.profile(), *std::move(profile));
  }
  if (file.cluster.exchange().empty()) return file;
  absl::StatusOr<MachineProfile> exchange =
      ReadMachineProfile(files, Beside(path, file.cluster.exchange()));
  if (!exchange.ok()) return exchange.status();
  file.exchange = *std::move(exchange);
  return file;
}

Cluster WithRanks(const Cluster& cluster, int ranks) {
  if (ranks == 0 || cluster.hosts_size() == 0) return cluster;
  Cluster made = cluster;
  made.clear_hosts();
  for (int i = 0; ranks > 0;) {
    ClusterHosts hosts = cluster.hosts(i);
    const bool is_last = i + 1 == cluster.hosts_size();
    const int of_host = hosts.ranks();
    const int count = hosts.count();
    const int whole = is_last ? ranks / of_host : std::min(count, ranks / of_host);
    hosts.set_count(std::max(1, whole));
    hosts.set_ranks(std::min(of_host, ranks));
    ranks -= hosts.count() * hosts.ranks();
    *made.add_hosts() = std::move(hosts);
    if (!is_last && whole == count) ++i;
  }
  return made;
}

absl::StatusOr<ClusterModel> MakeClusterModel(const ClusterFile& file, const ReplayedModel& model) {
  const ExchangeProfile* exchange =
      file.exchange.has_exchange() ? &file.exchange.exchange() : nullptr;
  absl::StatusOr<ClusterModel> made =
      ClusterModel::Make(file.cluster, model, file.profiles, exchange);
  if (made.ok()) return made;
  return absl::InvalidArgumentError(
      absl::StrCat(file.path, ": ", std::string(made.status().message())));
}

}  // namespace octet

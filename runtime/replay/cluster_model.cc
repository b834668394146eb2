#include "runtime/replay/cluster_model.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace octet {
namespace {

bool IsOf(const ReplayedModel& model, const LayerProfile& profile) {
  const ModelShape& shape = profile.shape();
  return shape.hidden_size() == model.hidden_size && shape.experts() == model.num_experts &&
         shape.experts_per_token() == model.topk;
}

// Returns the threads of the profile with as many ranks as the hosts have, or nearly as many.
int ThreadsOf(const ClusterHosts& hosts, const ReplayedModel& model,
              std::span<const LayerProfile> profiles) {
  const LayerProfile* nearest = nullptr;
  const auto distance = [&](const LayerProfile& p) { return std::abs(p.ranks() - hosts.ranks()); };
  for (const LayerProfile& profile : profiles) {
    if (!IsOf(model, profile)) continue;
    if (nearest == nullptr || distance(profile) < distance(*nearest)) nearest = &profile;
  }
  return nearest == nullptr ? 0 : nearest->threads();
}

// Returns what the host of rank 0 sends to other hosts where each rank sends a byte to each other.
double SentByHost(const ExchangeProfile& exchange) {
  const auto of_host = static_cast<double>(std::ranges::count(exchange.hosts(), exchange.hosts(0)));
  return of_host * (static_cast<double>(exchange.hosts_size()) - of_host);
}

// Latency is that of the smallest message. What links between hosts carry is measured where all
// ranks send to all, which loads both directions, as an exchange of rows does.
std::optional<LinkModel> FitLink(const ExchangeProfile& exchange, bool same_host) {
  LinkModel link;
  int64_t least_bytes = 0;
  for (const MessageTime& m : exchange.messages()) {
    if (m.same_host() != same_host) continue;
    if (least_bytes == 0 || m.message_bytes() < least_bytes) link.latency = m.seconds();
    least_bytes = least_bytes == 0 ? m.message_bytes() : std::min(least_bytes, m.message_bytes());
  }
  if (least_bytes == 0) return std::nullopt;
  link.carry.Add(0, 0);
  const auto add = [&](double bytes, double seconds) {
    link.carry.Add(bytes, std::max(0.0, seconds - link.latency));
  };
  if (!same_host && !exchange.all_to_all().empty() && !exchange.hosts().empty()) {
    const double sent = SentByHost(exchange);
    for (const AllToAllTime& a : exchange.all_to_all()) {
      add(sent * static_cast<double>(a.message_bytes()), a.seconds());
    }
  } else {
    for (const MessageTime& m : exchange.messages()) {
      if (m.same_host() == same_host) add(static_cast<double>(m.message_bytes()), m.seconds());
    }
  }
  link.carry.Finish();
  return link;
}

absl::StatusOr<LinkModel> MakeLink(const std::string& name, bool given, const Link& link,
                                   const ExchangeProfile* exchange, bool same_host) {
  if (given) {
    if (!(link.latency_seconds() >= 0) || !(link.bytes_per_second() > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": the latency must not be negative, and the rate be positive"));
    }
    return LinkModel::OfRate(link.latency_seconds(), link.bytes_per_second());
  }
  if (exchange != nullptr) {
    if (const std::optional<LinkModel> fitted = FitLink(*exchange, same_host)) return *fitted;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is not given, and no `exchange` has messages ",
      same_host ? "between ranks of one host" : "between hosts", " (octet bench exchange --save)"));
}

}  // namespace

LinkModel LinkModel::OfRate(double latency, double bytes_per_second) {
  LinkModel link = {.latency = latency};
  link.carry.Add(0, 0);
  link.carry.Add(bytes_per_second, 1);
  link.carry.Finish();
  return link;
}

ReplayedModel ReplayedModel::FromHeader(const TraceHeader& header) {
  return {.num_layers = header.num_layers(),
          .num_experts = header.num_experts(),
          .topk = header.top_k(),
          .hidden_size = header.hidden_size(),
          .dispatch_row_bytes = header.dispatch_row_bytes(),
          .return_row_bytes = header.return_row_bytes()};
}

absl::StatusOr<HostModel> HostModel::Make(const ClusterHosts& hosts, const ReplayedModel& model,
                                          std::span<const LayerProfile> profiles) {
  HostModel host;
  host.num_ranks_ = hosts.ranks();
  host.threads_ = hosts.threads() > 0 ? hosts.threads() : ThreadsOf(hosts, model, profiles);
  host.speed_ = hosts.speed() > 0 ? hosts.speed() : 1;
  host.memory_gib_ = hosts.memory_gib();
  for (const LayerProfile& profile : profiles) {
    if (!IsOf(model, profile)) continue;
    if (profile.threads() != host.threads_) continue;
    absl::StatusOr<PartCosts> costs = PartCosts::FromProfile(profile);
    if (!costs.ok()) return costs.status();
    host.by_busy_.insert_or_assign(profile.ranks(), *std::move(costs));
    host.sizes_ = profile;
  }
  if (!host.by_busy_.empty()) return host;
  return absl::InvalidArgumentError(
      absl::StrCat("has no layer of hidden size ", model.hidden_size, ", ", model.num_experts,
                   " experts, ", model.topk, " of them for a token",
                   host.threads_ > 0 ? absl::StrCat(", on ", host.threads_, " threads") : "",
                   " (octet bench layer --save)"));
}

int64_t HostModel::most_tokens() const {
  int64_t most = std::numeric_limits<int64_t>::max();
  for (const auto& [busy, costs] : by_busy_) most = std::min(most, costs.most_tokens());
  return most;
}

double HostModel::Seconds(int busy, absl::FunctionRef<double(const PartCosts&)> work) const {
  const auto seconds = [&](const PartCosts& costs) {
    return costs.slowdown() * work(costs) / speed_;
  };
  const auto above = by_busy_.lower_bound(busy);
  if (above == by_busy_.end()) return seconds(by_busy_.rbegin()->second);
  const double at_above = seconds(above->second);
  if (above->first == busy || above == by_busy_.begin()) return at_above;
  const auto below = std::prev(above);
  const double part = static_cast<double>(busy - below->first) / (above->first - below->first);
  return (1 - part) * seconds(below->second) + part * at_above;
}

absl::StatusOr<ClusterModel> ClusterModel::Make(
    const Cluster& cluster, const ReplayedModel& model,
    const std::map<std::string, MachineProfile>& profiles, const ExchangeProfile* exchange) {
  ClusterModel made;
  made.ranks_are_devices_ = cluster.ranks_are_devices();
  for (const ClusterHosts& hosts : cluster.hosts()) {
    const auto profile = profiles.find(hosts.profile());
    const auto layers = profile == profiles.end()
                            ? std::vector<LayerProfile>()
                            : std::vector<LayerProfile>(profile->second.layers().begin(),
                                                        profile->second.layers().end());
    absl::StatusOr<HostModel> kind = HostModel::Make(hosts, model, layers);
    if (!kind.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(hosts.profile(), " ", std::string(kind.status().message())));
    }
    for (int i = 0; i < hosts.count(); ++i) {
      made.host_of_.insert(made.host_of_.end(), kind->num_ranks(), made.num_hosts());
      made.kind_of_.push_back(static_cast<int>(made.kinds_.size()));
    }
    made.kinds_.push_back(*std::move(kind));
  }
  if (made.kinds_.empty()) return absl::InvalidArgumentError("there are no hosts");
  const bool shares =
      std::ranges::any_of(made.kinds_, [](const HostModel& kind) { return kind.num_ranks() > 1; });
  if (shares) {
    auto link = MakeLink("same_host", cluster.has_same_host(), cluster.same_host(), exchange, true);
    if (!link.ok()) return link.status();
    made.same_host_ = *link;
  }
  if (made.num_hosts() > 1) {
    auto link = MakeLink("network", cluster.has_network(), cluster.network(), exchange, false);
    if (!link.ok()) return link.status();
    made.network_ = *link;
  }
  return made;
}

std::vector<std::string> ClusterModel::HostNames() const {
  std::vector<std::string> names;
  for (const int host : host_of_) names.push_back(absl::StrCat("host ", host));
  return names;
}

std::vector<std::string> ClusterModel::ExchangeNames() const {
  if (!ranks_are_devices_) return HostNames();
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(num_ranks()));
  for (int r = 0; r < num_ranks(); ++r) names.push_back(absl::StrCat("device ", r));
  return names;
}

void RunShared(std::span<SharedWork> works) {
  const auto others = static_cast<double>(works.size() - 1);
  const auto seconds = [&](const SharedWork& work, int busy) {
    return others > 0 ? work.alone + (work.together - work.alone) * (busy - 1) / others
                      : work.alone;
  };
  std::vector<double> left(works.size(), 1);  // of each work
  double now = 0;
  for (size_t done = 0; done < works.size();) {
    const auto is_under_way = [&](size_t i) { return left[i] > 0 && works[i].start <= now; };
    int busy = 0;
    double next = std::numeric_limits<double>::infinity();  // when that number changes
    for (size_t i = 0; i < works.size(); ++i) {
      if (is_under_way(i)) ++busy;
      if (left[i] > 0 && works[i].start > now) next = std::min(next, works[i].start);
    }
    size_t first = works.size();  // that ends by then
    for (size_t i = 0; i < works.size(); ++i) {
      const double end = now + left[i] * seconds(works[i], busy);
      if (!is_under_way(i) || end > next) continue;
      next = end;
      first = i;
    }
    for (size_t i = 0; i < works.size(); ++i) {
      if (!is_under_way(i)) continue;
      const double whole = seconds(works[i], busy);
      left[i] = std::max(std::numeric_limits<double>::min(), left[i] - (next - now) / whole);
    }
    now = next;
    if (first == works.size()) continue;
    left[first] = 0;
    works[first].end = now;
    ++done;
  }
}

}  // namespace octet

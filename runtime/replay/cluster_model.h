// The hosts and links of a cluster, with what parts of a step cost there.

#ifndef OCTET_RUNTIME_REPLAY_CLUSTER_MODEL_H_
#define OCTET_RUNTIME_REPLAY_CLUSTER_MODEL_H_

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/cluster.pb.h"
#include "proto/machine_profile.pb.h"
#include "proto/routing_trace.pb.h"
#include "runtime/replay/part_costs.h"

namespace octet {

// The shape of a model's layers as a trace tells it, and the arithmetic of its run.
struct ReplayedModel {
  int num_layers = 0;
  int num_experts = 0;
  int topk = 0;
  int64_t hidden_size = 0;
  int64_t dispatch_row_bytes = 0;
  int64_t return_row_bytes = 0;

  static ReplayedModel FromHeader(const TraceHeader& header);
};

// Hosts that are alike.
class HostModel {
 public:
  // profiles: of the model's layers on such a host, with different numbers of ranks that work at
  // the same time. An error says which one is missing.
  static absl::StatusOr<HostModel> Make(const ClusterHosts& hosts, const ReplayedModel& model,
                                        std::span<const LayerProfile> profiles);

  int num_ranks() const { return num_ranks_; }
  int threads() const { return threads_; }
  double memory_gib() const { return memory_gib_; }
  const LayerProfile& sizes() const { return sizes_; }  // bytes of experts and the rest

  // The most ranks of a host that a profile has seen working at the same time.
  int most_busy() const { return by_busy_.rbegin()->first; }

  // The most tokens of a rank that all profiles have seen in a step.
  int64_t most_tokens() const;

  // Seconds squared, by which each second of work makes a rank's time vary.
  double jitter() const { return by_busy_.rbegin()->second.jitter() / speed_; }

  // Returns the seconds of a rank's work while `busy` ranks of its host work: between profiles, in
  // a straight line.
  double Seconds(int busy, absl::FunctionRef<double(const PartCosts&)> work) const;

 private:
  int num_ranks_ = 1;
  int threads_ = 1;
  double speed_ = 1;
  double memory_gib_ = 0;
  LayerProfile sizes_;
  std::map<int, PartCosts> by_busy_;  // by ranks that work at the same time
};

// A link: a message takes the latency, and what the link needs to carry its bytes.
struct LinkModel {
  double latency = 0;  // seconds
  Piecewise carry;     // seconds beyond it, by the bytes that the busiest host sends or gets

  static LinkModel OfRate(double latency, double bytes_per_second);
};

class ClusterModel {
 public:
  // cluster: with counts and ranks of its hosts; profiles: by their names in it; exchange: that
  // which it names, if it names one.
  static absl::StatusOr<ClusterModel> Make(const Cluster& cluster, const ReplayedModel& model,
                                           const std::map<std::string, MachineProfile>& profiles,
                                           const ExchangeProfile* exchange);

  int num_ranks() const { return static_cast<int>(host_of_.size()); }
  int num_hosts() const { return static_cast<int>(kind_of_.size()); }
  std::vector<std::string> HostNames() const;  // [ranks], such as "host 3"
  bool ranks_are_devices() const { return ranks_are_devices_; }
  const HostModel& host(int host) const { return kinds_[kind_of_[host]]; }
  int host_of(int rank) const { return host_of_[rank]; }
  const HostModel& host_of_rank(int rank) const { return host(host_of_[rank]); }

  // The names of what ranks share for an exchange: their hosts, or each device alone.
  std::vector<std::string> ExchangeNames() const;  // [ranks]

  bool IsSameHost(int a, int b) const { return host_of_[a] == host_of_[b]; }
  const LinkModel& LinkOf(int a, int b) const { return IsSameHost(a, b) ? same_host_ : network_; }
  const LinkModel& same_host() const { return same_host_; }
  const LinkModel& network() const { return network_; }

 private:
  bool ranks_are_devices_ = false;
  std::vector<HostModel> kinds_;
  std::vector<int> kind_of_;  // [hosts]
  std::vector<int> host_of_;  // [ranks]
  LinkModel same_host_, network_;
};

// A rank's work on a host that it shares.
struct SharedWork {
  double start = 0;     // when it may begin
  double alone = 0;     // seconds if no other rank works
  double together = 0;  // seconds if all ranks work all the time
  double end = 0;       // set by RunShared
};

// Sets the ends of the works of all ranks of a host. While n of them are under way, each proceeds
// at a rate whose inverse is a straight line between that alone and that of all.
void RunShared(std::span<SharedWork> works);

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_CLUSTER_MODEL_H_

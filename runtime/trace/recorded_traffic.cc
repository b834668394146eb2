#include "runtime/trace/recorded_traffic.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace octet {
namespace {

// In the order of CountedBytes.
using Counted = std::array<int64_t, 5>;

Counted FromProto(const CountedBytes& c) {
  return {c.dispatch_in_place(), c.dispatch_sent(), c.combine_in_place(), c.combine_sent(),
          c.routing_sent()};
}

// The bytes between the ranks, and the bytes that each rank's communicator should have counted.
class TrafficSum {
 public:
  explicit TrafficSum(int num_ranks)
      : num_ranks_(num_ranks),
        dispatch_(static_cast<size_t>(num_ranks) * num_ranks),
        returns_(dispatch_.size()) {}

  void AddStep(const TraceHeader& header, std::span<const StepRouting> records) {
    std::map<int, Counted> expected, counted;
    for (const StepRouting& record : records) {
      counted[record.rank()] = FromProto(record.counted());
      Counted& mine = expected[record.rank()];
      for (const PeerRows& peer : record.peers()) {
        const auto at = static_cast<size_t>(record.rank()) * num_ranks_ + peer.rank();
        const int64_t in_place = peer.rows_in_place() * header.dispatch_row_bytes();
        const int64_t sent = peer.rows_sent() * header.dispatch_row_bytes();
        const int64_t back_in_place = peer.returns_in_place() * header.return_row_bytes();
        const int64_t back_sent = peer.returns_sent() * header.return_row_bytes();
        dispatch_[at] += in_place + sent;
        returns_[at] += back_in_place + back_sent;
        in_place_ += in_place + back_in_place;
        mine[0] += in_place;
        mine[1] += sent;
        mine[4] += peer.letter_bytes();
        Counted& its = expected[peer.rank()];
        its[2] += back_in_place;
        its[3] += back_sent;
      }
    }
    is_as_counted_ = is_as_counted_ && expected == counted;
  }

  void Report(RankTraffic& traffic) const {
    traffic.mutable_dispatch_bytes()->Add(dispatch_.begin(), dispatch_.end());
    traffic.mutable_return_bytes()->Add(returns_.begin(), returns_.end());
    traffic.set_bytes_in_place(in_place_);
    traffic.set_is_as_counted(is_as_counted_);
  }

 private:
  const int num_ranks_;
  std::vector<int64_t> dispatch_;  // [homes, ranks]
  std::vector<int64_t> returns_;   // [homes, ranks]
  int64_t in_place_ = 0;
  bool is_as_counted_ = true;
};

// Sums over all attempts.
void AddTimes(std::span<const TracedAttempt> attempts, RoutingStats& stats) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>> seconds;  // [ranks] of each name
  for (const TracedAttempt& attempt : attempts) {
    for (int i = 0; i < attempt.header.times_size(); ++i) {
      const std::string& name = attempt.header.times(i);
      const auto [found, is_new] = seconds.try_emplace(name, stats.ranks());
      if (is_new) names.push_back(name);
      for (const StepRouting& step : attempt.steps) found->second[step.rank()] += step.seconds(i);
    }
  }
  for (const std::string& name : names) {
    const std::vector<double>& of_ranks = seconds[name];
    TimeOfRanks& time = *stats.add_times();
    time.set_name(name);
    time.set_mean_seconds(std::accumulate(of_ranks.begin(), of_ranks.end(), 0.0) / stats.ranks());
    time.set_most_seconds(*std::ranges::max_element(of_ranks));
  }
}

}  // namespace

void AddRecordedTraffic(std::span<const TracedAttempt> attempts, RoutingStats& stats) {
  for (const TracedAttempt& attempt : attempts) {
    const auto& hosts = attempt.header.hosts();
    if (hosts.size() <= stats.ranks()) continue;
    stats.set_ranks(hosts.size());
    stats.set_hosts(static_cast<int32_t>(std::set(hosts.begin(), hosts.end()).size()));
  }
  TrafficSum sum(stats.ranks());
  for (const TracedAttempt& attempt : attempts) {
    int64_t last_step = -1;
    attempt.VisitGroupSteps([&](std::span<const StepRouting> records) {
      sum.AddStep(attempt.header, records);
      if (records.front().step() == last_step) return;
      last_step = records.front().step();
      stats.set_steps(stats.steps() + 1);
    });
  }
  sum.Report(*stats.mutable_traffic());
  AddTimes(attempts, stats);
}

}  // namespace octet

#include "runtime/trace/routing_stats.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "runtime/model/expert_load.h"
#include "runtime/trace/null_routing.h"
#include "runtime/trace/over_steps.h"
#include "runtime/trace/recorded_traffic.h"
#include "runtime/trace/routing_tally.h"
#include "runtime/trace/traced_attempt.h"

namespace octet {
namespace {

// Tallies of the same steps: as recorded, with uniform experts, and shuffled.
struct Tallies {
  RoutingTally recorded;
  RoutingTally uniform;
  RoutingTally shuffled;

  // Returns number(tally) for each tally.
  template <class Number>
  WithNulls Each(Number number) const {
    WithNulls with;
    with.set_recorded(number(recorded));
    with.set_uniform(number(uniform));
    with.set_shuffled(number(shuffled));
    return with;
  }
};

MaxOverMean SummarizeEach(const Tallies& tallies, auto values_of) {
  MaxOverMean each;
  *each.mutable_recorded() = Summarize(values_of(tallies.recorded));
  *each.mutable_uniform() = Summarize(values_of(tallies.uniform));
  *each.mutable_shuffled() = Summarize(values_of(tallies.shuffled));
  return each;
}

// Returns the bits that one element of a pair tells about the other. pairs: [n, n].
double MutualInformation(std::span<const int64_t> pairs, int n) {
  std::vector<double> rows(n), columns(n);
  double sum = 0;
  for (int i = 0; i < n * n; ++i) {
    const auto count = static_cast<double>(pairs[i]);
    rows[i / n] += count;
    columns[i % n] += count;
    sum += count;
  }
  double bits = 0;
  for (int i = 0; i < n * n; ++i) {
    const auto count = static_cast<double>(pairs[i]);
    if (count > 0) bits += count / sum * std::log2(count * sum / (rows[i / n] * columns[i % n]));
  }
  return bits;
}

ExpertPair StrongestPair(const LayerTally& layer, int n, int topk, double tokens) {
  ExpertPair pair;
  for (int first = 0; first < n; ++first) {
    for (int second = first + 1; second < n; ++second) {
      const double share =
          static_cast<double>(layer.coactivation[int64_t{first} * n + second]) / tokens;
      if (share <= pair.share()) continue;
      pair.set_first(first);
      pair.set_second(second);
      pair.set_share(share);
    }
  }
  if (n > 1) pair.set_uniform_share(topk * (topk - 1.0) / (n * (n - 1.0)));
  return pair;
}

ExpertPair StrongestTransition(const LayerTally& layer, int n) {
  ExpertPair pair;
  for (int first = 0; first < n; ++first) {
    const auto row = std::span(layer.transitions).subspan(int64_t{first} * n, n);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (int second = 0; second < n; ++second) {
      const double share = sum > 0 ? static_cast<double>(row[second]) / sum : 0;
      if (share <= pair.share()) continue;
      pair.set_first(first);
      pair.set_second(second);
      pair.set_share(share);
    }
  }
  pair.set_uniform_share(1.0 / n);
  return pair;
}

LayerRouting DescribeLayer(const Tallies& tallies, int layer, int topk) {
  const int n = tallies.recorded.num_experts;
  const auto tokens = static_cast<double>(tallies.recorded.tokens);
  const LayerTally& recorded = tallies.recorded.layers[layer];
  LayerRouting routing;
  routing.set_layer(layer);
  routing.mutable_load()->Add(recorded.load.begin(), recorded.load.end());
  routing.set_load_max_over_mean(1 / Balancedness(recorded.load));
  *routing.mutable_max_over_mean() = SummarizeEach(
      tallies, [layer](const RoutingTally& t) { return t.layers[layer].max_over_mean; });
  *routing.mutable_variation() =
      tallies.Each([layer](const RoutingTally& t) { return Mean(t.layers[layer].variation); });
  *routing.mutable_ranks_of_token() = tallies.Each(
      [&](const RoutingTally& t) { return static_cast<double>(t.layers[layer].ranks) / tokens; });
  *routing.mutable_hosts_of_token() = tallies.Each(
      [&](const RoutingTally& t) { return static_cast<double>(t.layers[layer].hosts) / tokens; });
  routing.mutable_coactivation()->Add(recorded.coactivation.begin(), recorded.coactivation.end());
  *routing.mutable_strongest_pair() = StrongestPair(recorded, n, topk, tokens);
  if (recorded.transitions.empty()) return routing;
  routing.mutable_transitions()->Add(recorded.transitions.begin(), recorded.transitions.end());
  *routing.mutable_strongest_transition() = StrongestTransition(recorded, n);
  *routing.mutable_transition_information() = tallies.Each(
      [&](const RoutingTally& t) { return MutualInformation(t.layers[layer].transitions, n); });
  return routing;
}

LayerRouting DescribeWhole(const Tallies& tallies) {
  const auto joined = [](const RoutingTally& tally, std::vector<float> LayerTally::*of_steps) {
    std::vector<float> all;
    for (const LayerTally& layer : tally.layers) {
      all.insert(all.end(), (layer.*of_steps).begin(), (layer.*of_steps).end());
    }
    return all;
  };
  const auto mean = [](const RoutingTally& tally, int64_t LayerTally::*of_tokens) {
    int64_t sum = 0;
    for (const LayerTally& layer : tally.layers) sum += layer.*of_tokens;
    return static_cast<double>(sum) / static_cast<double>(tally.tokens) /
           static_cast<double>(tally.layers.size());
  };
  std::vector<int64_t> load(tallies.recorded.num_experts);
  for (const LayerTally& layer : tallies.recorded.layers) {
    std::ranges::transform(layer.load, load, load.begin(), std::plus());
  }
  LayerRouting whole;
  whole.mutable_load()->Add(load.begin(), load.end());
  whole.set_load_max_over_mean(1 / Balancedness(load));
  *whole.mutable_max_over_mean() = SummarizeEach(
      tallies, [&](const RoutingTally& t) { return joined(t, &LayerTally::max_over_mean); });
  *whole.mutable_variation() =
      tallies.Each([&](const RoutingTally& t) { return Mean(joined(t, &LayerTally::variation)); });
  *whole.mutable_ranks_of_token() =
      tallies.Each([&](const RoutingTally& t) { return mean(t, &LayerTally::ranks); });
  *whole.mutable_hosts_of_token() =
      tallies.Each([&](const RoutingTally& t) { return mean(t, &LayerTally::hosts); });
  return whole;
}

}  // namespace

absl::StatusOr<RoutingStats> ComputeRoutingStats(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::vector<TracedAttempt>> read = ReadAttempts(files, path);
  if (!read.ok()) return read.status();
  std::vector<TracedAttempt>& attempts = *read;
  RoutingStats stats;
  Tallies tallies;
  tallies.recorded = CountRouting(attempts);
  if (tallies.recorded.tokens == 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": has no tokens"));
  }
  AddRecordedTraffic(attempts, stats);
  ShuffleTokens(attempts);
  tallies.shuffled = CountRouting(attempts);
  DrawExperts(attempts);
  tallies.uniform = CountRouting(attempts);
  *stats.mutable_traffic()->mutable_bytes() = tallies.Each([](const RoutingTally& t) {
    return std::accumulate(t.dispatch_bytes.begin(), t.dispatch_bytes.end(), 0.0) +
           std::accumulate(t.return_bytes.begin(), t.return_bytes.end(), 0.0);
  });
  const TraceHeader& header = attempts.front().header;
  stats.set_tokens(tallies.recorded.tokens);
  stats.set_attempts(static_cast<int32_t>(std::ranges::count_if(
      attempts, [](const TracedAttempt& attempt) { return !attempt.header.continues(); })));
  stats.set_num_experts(header.num_experts());
  stats.set_top_k(header.top_k());
  *stats.mutable_whole() = DescribeWhole(tallies);
  for (int l = 0; l < header.num_layers(); ++l) {
    *stats.add_layers() = DescribeLayer(tallies, l, header.top_k());
  }
  return stats;
}

}  // namespace octet

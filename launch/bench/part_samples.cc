#include "launch/bench/part_samples.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/quantile.h"
#include "runtime/replay/latest_time.h"

namespace octet {

double MeanOfMedians(const RankSamples& samples) {
  double sum = 0;
  for (const std::vector<double>& of_rank : samples) sum += Median(of_rank);
  return sum / static_cast<double>(samples.size());
}

void Interruptions::Add(const RankSamples& samples, bool together) {
  const size_t count = samples[0].size();
  ranks_ = static_cast<int>(samples.size());
  medians_ += MeanOfMedians(samples) * static_cast<double>(count);
  for (size_t i = 0; i < count; ++i) {
    double mean = 0;
    double last = 0;
    for (const std::vector<double>& of_rank : samples) {
      mean += of_rank[i] / ranks_;
      last = std::max(last, of_rank[i]);
    }
    means_ += mean;
    if (!together) continue;
    late_ += last - mean;
    root_seconds_ += std::sqrt(mean);
  }
}

void Interruptions::SetIn(LayerProfile& profile) const {
  if (medians_ > 0) profile.add_slowdown(means_ / medians_);
  if (ranks_ < 2 || root_seconds_ <= 0) return;
  LatestTime of_ones;  // the last of as many ranks whose deviation is 1
  for (int r = 0; r < ranks_; ++r) of_ones.Add(0, 1);
  const double deviation = late_ / of_ones.mean() / root_seconds_;
  profile.add_jitter(deviation * deviation);
}

}  // namespace octet

// The samples of a part of a layer on all ranks, and what they tell about interruptions.

#ifndef OCTET_LAUNCH_BENCH_PART_SAMPLES_H_
#define OCTET_LAUNCH_BENCH_PART_SAMPLES_H_

#include <vector>

#include "proto/machine_profile.pb.h"

namespace octet {

using RankSamples = std::vector<std::vector<double>>;  // seconds: [ranks, samples]

// The mean over ranks of their medians.
double MeanOfMedians(const RankSamples& samples);

// How often a machine takes its processors away, from all samples of a run.
class Interruptions {
 public:
  // Parts that all ranks began at about the same time tell also how far ranks differ.
  void Add(const RankSamples& samples, bool together);
  void SetIn(LayerProfile& profile) const;

 private:
  int ranks_ = 1;
  double medians_ = 0;  // sums of seconds
  double means_ = 0;
  double late_ = 0;          // seconds from the mean over ranks to the last one
  double root_seconds_ = 0;  // the square roots of the means over ranks
};

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_PART_SAMPLES_H_

// How fast something grows, and when it will be done.

#ifndef OCTET_LAUNCH_PACE_H_
#define OCTET_LAUNCH_PACE_H_

#include <deque>
#include <optional>

namespace octet {

// What has been counted at times of the last minutes. Begins with 0 at 0 seconds.
class History {
 public:
  struct Sample {
    double seconds = 0;
    double count = 0;
  };

  // Times ascend. Of samples that are close, the last one is kept.
  void Add(double seconds, double count);

  const Sample& last() const { return samples_.back(); }

  // The last sample that is not after this time; the oldest that is kept, where all are.
  const Sample& At(double seconds) const;

  // The one before.
  const Sample& LastButOne() const {
    return samples_[samples_.size() < 2 ? 0 : samples_.size() - 2];
  }

 private:
  std::deque<Sample> samples_ = {Sample{}};
};

// A count that grows steadily, such as tokens.
class Throughput {
 public:
  void Add(double seconds, double count) { history_.Add(seconds, count); }

  // Over the last seconds, and since the beginning.
  double RecentPerSecond() const;
  double MeanPerSecond() const;

 private:
  History history_;
};

// Predicts the end of what is done in parts that come at uneven times, from when they came.
class Eta {
 public:
  void Add(double seconds, double done);

  // Seconds from the last call of Add until `total` is done. Nothing before the parts have come for
  // a quarter of the time that the first one took: until then there is no telling how fast they
  // are.
  std::optional<double> Remaining(double total) const;

 private:
  double PartsPerSecond() const;

  History done_;           // at the times at which it grew
  History::Sample first_;  // the first of these
  double now_ = 0;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_PACE_H_

// The rate at which a count grows, and the time until it is complete.

#ifndef OCTET_LAUNCH_CONSOLE_PACE_H_
#define OCTET_LAUNCH_CONSOLE_PACE_H_

#include <deque>
#include <optional>

namespace octet {

// The history of a count in the last minutes. Begins with 0 at 0 seconds.
class History {
 public:
  struct Sample {
    double seconds = 0;
    double count = 0;
  };

  // Adds a sample; times must ascend. Of close samples only the last one is kept.
  void Add(double seconds, double count);

  const Sample& last() const { return samples_.back(); }

  // Returns the last sample that is not after this time, or the oldest kept one if all are.
  const Sample& At(double seconds) const;

  // Returns the sample before the last one.
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

  // Return the rate over the last seconds, and since the beginning.
  double RecentPerSecond() const;
  double MeanPerSecond() const;

 private:
  History history_;
};

// An estimate of the end of work whose parts complete at uneven times.
class Eta {
 public:
  void Add(double seconds, double done);

  // Returns the seconds from the last call of Add until `total` is done. Returns nullopt until
  // parts have completed for a quarter of the time that the first one took: before that, their rate
  // is not known.
  std::optional<double> Remaining(double total) const;

 private:
  double PartsPerSecond() const;

  History done_;           // at the times when it grew
  History::Sample first_;  // the first of these
  double now_ = 0;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_PACE_H_

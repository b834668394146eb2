// When the last of several ranks is done, whose times vary.

#ifndef OCTET_RUNTIME_REPLAY_LATEST_TIME_H_
#define OCTET_RUNTIME_REPLAY_LATEST_TIME_H_

namespace octet {

// The expected maximum of independent normal variables, taken in one after the other: the maximum
// so far counts as normal (C. E. Clark, "The greatest of a finite set of random variables", 1961).
class LatestTime {
 public:
  // mean in seconds, variance in seconds squared.
  void Add(double mean, double variance);

  double mean() const { return mean_; }  // 0 of none

 private:
  bool empty_ = true;
  double mean_ = 0;
  double variance_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_LATEST_TIME_H_

#include "launch/console/pace.h"

#include <algorithm>

namespace octet {
namespace {

constexpr double kSpacing = 0.25;  // seconds between samples
constexpr double kKept = 600;      // seconds of samples: the longest period of a rate
constexpr double kRecent = 5;      // seconds of a recent rate

double Slope(const History::Sample& from, const History::Sample& to) {
  const double seconds = to.seconds - from.seconds;
  return seconds > 0 ? (to.count - from.count) / seconds : 0;
}

}  // namespace

void History::Add(double seconds, double count) {
  const bool close = samples_.size() > 1 && seconds - LastButOne().seconds < kSpacing;
  if (close) {
    samples_.back() = {seconds, count};
  } else {
    samples_.push_back({seconds, count});
  }
  while (samples_.size() > 2 && samples_[1].seconds <= seconds - kKept) samples_.pop_front();
}

const History::Sample& History::At(double seconds) const {
  const auto after =
      std::upper_bound(samples_.begin(), samples_.end(), seconds,
                       [](double time, const Sample& sample) { return time < sample.seconds; });
  return after == samples_.begin() ? samples_.front() : *(after - 1);
}

double Throughput::RecentPerSecond() const {
  return Slope(history_.At(history_.last().seconds - kRecent), history_.last());
}

double Throughput::MeanPerSecond() const { return Slope({}, history_.last()); }

void Eta::Add(double seconds, double done) {
  now_ = seconds;
  if (done <= done_.last().count) return;
  if (first_.count == 0) first_ = {seconds, done};
  done_.Add(seconds, done);
}

// Returns the rate over the last half of the time in which parts came. It leaves out the time of
// the first parts, and a burst disturbs it less and less.
double Eta::PartsPerSecond() const {
  const History::Sample& last = done_.last();
  const History::Sample& half = done_.At(last.seconds / 2);
  const History::Sample& from = half.count > first_.count ? half : first_;
  // If the next burst is late, the rate is as if it came now.
  const History::Sample next = {now_, 2 * last.count - done_.LastButOne().count};
  return std::min(Slope(from, last), Slope(from, next));
}

std::optional<double> Eta::Remaining(double total) const {
  const double last = done_.last().seconds;
  const double rate = PartsPerSecond();
  if (rate <= 0 || last < 1.25 * first_.seconds) return std::nullopt;
  return std::max(0.0, (total - done_.last().count) / rate - (now_ - last));
}

}  // namespace octet

// A function known at some points.

#ifndef OCTET_RUNTIME_REPLAY_PIECEWISE_H_
#define OCTET_RUNTIME_REPLAY_PIECEWISE_H_

#include <map>
#include <vector>

namespace octet {

// A function between whose points is a straight line. Beyond the last two points it goes on as
// between them, and before the first one it is constant.
class Piecewise {
 public:
  // Several values of one point: their median counts.
  void Add(double x, double y) { values_[x].push_back(y); }

  bool empty() const { return values_.empty(); }

  // Call it after the last Add.
  void Finish();

  // The last point.
  double last_x() const { return x_.back(); }

  // Never below 0.
  double operator()(double x) const;

 private:
  std::map<double, std::vector<double>> values_;
  std::vector<double> x_, y_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_PIECEWISE_H_

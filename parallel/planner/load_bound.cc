#include "parallel/planner/load_bound.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>

namespace octet {
namespace {

// A search, depth first, through the numbers of replicas of each expert.
class ReplicaNumbers {
 public:
  // fastest: [ranks] the speed of that many ranks and one more, at most.
  ReplicaNumbers(const StepMatrix& steps, std::span<const double> fastest, double most_operations)
      : num_steps_(steps.num_steps()),
        fastest_(fastest),
        order_(steps.num_experts()),
        operations_left_(most_operations),
        times_((order_.size() + 1) * num_steps_),
        heaviest_((order_.size() + 1) * num_steps_) {
    std::iota(order_.begin(), order_.end(), 0);
    const auto tokens_of = [&](int e) {
      return std::accumulate(steps.expert(e).begin(), steps.expert(e).end(), 0.0);
    };
    std::ranges::stable_sort(order_, [&](int a, int b) { return tokens_of(a) > tokens_of(b); });
    for (size_t i = order_.size(); i-- > 0;) {
      const std::span<const double> tokens = steps.expert(order_[i]);
      tokens_.push_back(tokens);
      for (int64_t s = 0; s < num_steps_; ++s) {
        heaviest_[i * num_steps_ + s] = std::max(heaviest_[(i + 1) * num_steps_ + s], tokens[s]);
        times_[s] += tokens[s] / fastest_.back();
      }
    }
    std::ranges::reverse(tokens_);
  }

  // Returns the sum over steps of the least time with so many replicas.
  double Least(int num_replicas) {
    Visit(0, num_replicas);
    return least_;
  }

 private:
  void Visit(size_t next, int replicas) {
    const int most = std::min<int>(replicas, static_cast<int>(fastest_.size()) - 1);
    for (int more = most; more >= 0; --more) {
      const double time = AddExpert(next, more, replicas - more);
      if (time >= least_) continue;
      if (next + 1 == order_.size() || operations_left_ < 0) {
        least_ = time;
      } else {
        Visit(next + 1, replicas - more);
      }
    }
  }

  // Gives an expert its replicas. Returns the time if each that follows may have all that are left.
  double AddExpert(size_t next, int replicas, int left) {
    const double reach = fastest_[std::min<size_t>(left, fastest_.size() - 1)];
    const double* const before = &times_[next * num_steps_];
    double* const times = &times_[(next + 1) * num_steps_];
    const double* const heaviest = &heaviest_[(next + 1) * num_steps_];
    double sum = 0;
    for (int64_t s = 0; s < num_steps_; ++s) {
      times[s] = std::max(before[s], tokens_[next][s] / fastest_[replicas]);
      sum += std::max(times[s], heaviest[s] / reach);
    }
    operations_left_ -= 2 * static_cast<double>(num_steps_);
    return sum;
  }

  const int64_t num_steps_;
  const std::span<const double> fastest_;
  std::vector<int> order_;  // experts, heaviest first
  double operations_left_;
  double least_ = std::numeric_limits<double>::infinity();
  std::vector<std::span<const double>> tokens_;  // [experts in order][steps]
  std::vector<double> times_;                    // [experts with a number, steps]
  std::vector<double> heaviest_;                 // [experts in order + 1, steps] and later ones
};

}  // namespace

LoadBound::LoadBound(int num_experts, std::span<const int> slots, std::span<const double> speeds) {
  int num_slots = 0;
  std::vector<double> used;
  for (size_t r = 0; r < slots.size(); ++r) {
    if (slots[r] == 0) continue;
    least_slots_ = used.empty() ? slots[r] : std::min(least_slots_, slots[r]);
    num_slots += slots[r];
    used.push_back(speeds[r]);
  }
  num_ranks_ = static_cast<int>(used.size());
  num_replicas_ = num_slots - num_experts;
  std::ranges::sort(used, std::greater());
  is_partition_of_equals_ = num_replicas_ == 0 && used.front() == used.back();
  speed_ = used.front();
  fastest_.resize(used.size());
  std::partial_sum(used.begin(), used.end(), fastest_.begin());
}

// The expert that needs the most time gets the next replica: no other choice lowers the largest.
double LoadBound::ForReplicas() const {
  using Need = std::pair<double, std::pair<double, int>>;  // time, tokens, ranks
  std::priority_queue<Need> needs;
  for (const double tokens : heaviest_) needs.push({tokens / fastest_[0], {tokens, 1}});
  for (int i = 0; i < num_replicas_; ++i) {
    const auto [tokens, ranks] = needs.top().second;
    if (ranks == num_ranks_) break;
    needs.pop();
    needs.push({tokens / fastest_[ranks], {tokens, ranks + 1}});
  }
  return needs.top().first;
}

double LoadBound::ForPartition() const {
  double most = 0;
  for (size_t j = 0; j * num_ranks_ < heaviest_.size(); ++j) {
    const auto last = heaviest_.begin() + static_cast<int64_t>(j * num_ranks_) + 1;
    most = std::max(most, std::accumulate(last - static_cast<int64_t>(j) - 1, last, 0.0));
  }
  const double lightest =
      std::accumulate(heaviest_.end() - (least_slots_ - 1), heaviest_.end(), 0.0);
  return std::max(most, heaviest_.front() + lightest) / speed_;
}

double LoadBound::Time(std::span<const double> tokens) {
  heaviest_.assign(tokens.begin(), tokens.end());
  std::ranges::sort(heaviest_, std::greater());
  const double mean = std::accumulate(tokens.begin(), tokens.end(), 0.0) / fastest_.back();
  return std::max({mean, ForReplicas(), is_partition_of_equals_ ? ForPartition() : 0.0});
}

double LoadBound::Mean(const StepMatrix& steps) {
  std::vector<double> tokens(steps.num_experts());
  double sum = 0;
  for (int64_t s = 0; s < steps.num_steps(); ++s) {
    for (int e = 0; e < steps.num_experts(); ++e) tokens[e] = steps.expert(e)[s];
    sum += Time(tokens);
  }
  return sum / static_cast<double>(steps.num_steps());
}

double LoadBound::MeanOfFixed(const StepMatrix& steps, double most_operations) const {
  ReplicaNumbers numbers(steps, fastest_, most_operations);
  return numbers.Least(num_replicas_) / static_cast<double>(steps.num_steps());
}

}  // namespace octet

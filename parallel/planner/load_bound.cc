#include "parallel/planner/load_bound.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

namespace octet {

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

}  // namespace octet

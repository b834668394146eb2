#include "parallel/planner/load_bound.h"

#include <algorithm>
#include <cmath>
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

// Returns the least number of replicas behind the first, if none has more than `most` tokens.
double ReplicasBesides(double tokens, double most) {
  constexpr double kRounding = 1e-12;
  return std::max(0.0, std::ceil(tokens / most * (1 - kRounding)) - 1);
}

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
  is_of_equals_ = used.front() == used.back();
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

// So many of the heaviest experts that some rank has j + 1 of those without replicas.
double LoadBound::ForPigeonholes() const {
  double most = 0;
  const auto replicas = static_cast<size_t>(num_replicas_);
  for (size_t j = 0; j * num_ranks_ + replicas < heaviest_.size(); ++j) {
    const auto last = heaviest_.begin() + static_cast<int64_t>(j * num_ranks_ + replicas) + 1;
    most = std::max(most, std::accumulate(last - static_cast<int64_t>(j) - 1, last, 0.0));
  }
  return most / speed_;
}

// Any time that is too short is a bound.
double LoadBound::ForOtherSlots(double least) {
  constexpr int kHalvings = 16;
  if (!IsTooShort(least * (1 + 1e-6))) return least;
  double most = 2 * least;
  for (int i = 0; i < kHalvings; ++i) {
    const double time = (least + most) / 2;
    (IsTooShort(time) ? least : most) = time;
  }
  return least;
}

// If no rank takes longer than `time`, each expert has at least tokens / time replicas. The slots
// that are left are a surplus: more replicas than that, or empty. Of the replicas of an expert, the
// first that is no surplus takes at least what the ranks of the others can't.
bool LoadBound::IsTooShort(double time) {
  const double most = time * speed_;  // tokens of a rank
  int surplus = num_replicas_;
  first_.clear();
  for (const double tokens : heaviest_) {
    const double more = ReplicasBesides(tokens, most);
    surplus -= static_cast<int>(more);
    if (surplus < 0) return true;
    first_.push_back(tokens - more * most);
  }
  std::ranges::sort(first_);
  lightest_.assign(1, 0);
  for (const double tokens : first_) lightest_.push_back(lightest_.back() + tokens);
  int needed = 0;
  for (const double tokens : heaviest_) {
    if (tokens + lightest_[std::min<size_t>(least_slots_, first_.size())] <= most) break;
    needed += SurplusNeeded(tokens, most, surplus);
    if (needed > surplus) return true;
  }
  return false;
}

// Returns how many more replicas an expert needs, because each of its ranks has other slots. All of
// the surplus that it leaves may lie there.
int LoadBound::SurplusNeeded(double tokens, double most, int surplus) const {
  const double more = ReplicasBesides(tokens, most);
  const double own = tokens - more * most;
  for (int needed = 0; needed <= surplus; ++needed) {
    const int replicas = 1 + static_cast<int>(more) + needed;
    const int others = replicas * (least_slots_ - 1) - (surplus - needed);
    const auto count = static_cast<size_t>(std::clamp<int64_t>(others, 0, std::ssize(first_) - 1));
    // The lightest of the others, without the expert itself
    const bool has_own = count > 0 && own <= first_[count - 1];
    const double light = has_own ? lightest_[count + 1] - own : lightest_[count];
    if (tokens + light <= replicas * most) return needed;
  }
  return surplus + 1;
}

double LoadBound::Time(std::span<const double> tokens) {
  heaviest_.assign(tokens.begin(), tokens.end());
  std::ranges::sort(heaviest_, std::greater());
  const double mean = std::accumulate(tokens.begin(), tokens.end(), 0.0) / fastest_.back();
  const double least = std::max(mean, ForReplicas());
  return is_of_equals_ ? ForOtherSlots(std::max(least, ForPigeonholes())) : least;
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

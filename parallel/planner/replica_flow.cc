#include "parallel/planner/replica_flow.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr int64_t kNone = -1;
constexpr int64_t kSource = -2;

}  // namespace

void ReplicaFlow::Begin(std::span<const double> speeds) {
  speeds_ = speeds;
  tokens_.clear();
  edge_begins_.assign(1, 0);
  rank_of_edge_.clear();
  expert_of_edge_.clear();
}

void ReplicaFlow::AddExpert(double tokens, std::span<const int32_t> ranks) {
  OCTET_CHECK(!ranks.empty());
  const auto expert = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(tokens);
  rank_of_edge_.insert(rank_of_edge_.end(), ranks.begin(), ranks.end());
  expert_of_edge_.resize(rank_of_edge_.size(), expert);
  edge_begins_.push_back(std::ssize(rank_of_edge_));
}

void ReplicaFlow::ListEdgesByRank() {
  rank_begins_.assign(speeds_.size() + 1, 0);
  for (const int32_t rank : rank_of_edge_) ++rank_begins_[rank + 1];
  std::partial_sum(rank_begins_.begin(), rank_begins_.end(), rank_begins_.begin());
  rank_edges_.resize(rank_of_edge_.size());
  std::vector<int64_t> next(rank_begins_.begin(), rank_begins_.end() - 1);
  for (int64_t edge = 0; edge < std::ssize(rank_of_edge_); ++edge) {
    rank_edges_[next[rank_of_edge_[edge]]++] = edge;
  }
}

// Returns the time that all ranks with experts together need, or the ranks of one expert if they
// need more, and marks these ranks.
double ReplicaFlow::FirstTime() {
  critical_.assign(speeds_.size(), 0);
  double speed = 0;
  for (size_t r = 0; r < speeds_.size(); ++r) {
    critical_[r] = rank_begins_[r] < rank_begins_[r + 1] ? 1 : 0;
    if (critical_[r] != 0) speed += speeds_[r];
  }
  double time = std::accumulate(tokens_.begin(), tokens_.end(), 0.0) / speed;
  for (size_t e = 0; e < tokens_.size(); ++e) {
    const auto ranks =
        std::span(rank_of_edge_).subspan(edge_begins_[e], edge_begins_[e + 1] - edge_begins_[e]);
    double of_expert = 0;
    for (const int32_t rank : ranks) of_expert += speeds_[rank];
    if (tokens_[e] <= time * of_expert) continue;
    time = tokens_[e] / of_expert;
    std::ranges::fill(critical_, 0);
    for (const int32_t rank : ranks) critical_[rank] = 1;
  }
  return time;
}

// Sends at most `amount` tokens of an expert along one path of ranks that were not tried yet.
// Returns how many.
double ReplicaFlow::Send(int32_t expert, double amount) {
  for (int64_t i = edge_begins_[expert]; i < edge_begins_[expert + 1]; ++i) {
    const int32_t rank = rank_of_edge_[i];
    if (is_tried_[rank] != 0) continue;
    is_tried_[rank] = 1;
    double sent = 0;
    if (room_[rank] > tolerance_) {
      sent = std::min(amount, room_[rank]);
      room_[rank] -= sent;
      is_tried_[rank] = 0;  // it may have more
    }
    for (int64_t j = rank_begins_[rank]; j < rank_begins_[rank + 1] && sent == 0; ++j) {
      const int64_t back = rank_edges_[j];
      if (flow_[back] <= tolerance_ || expert_of_edge_[back] == expert) continue;
      sent = Send(expert_of_edge_[back], std::min(amount, flow_[back]));
      flow_[back] -= sent;
    }
    flow_[i] += sent;
    if (sent > 0) return sent;
  }
  return 0;
}

// Sends tokens along any paths, with one look at each rank in a phase: not all that can be sent,
// but most. Shortest paths, of which there are never too many, do the rest.
void ReplicaFlow::SendMost() {
  constexpr int kMostPhases = 32;
  bool has_sent = true;
  for (int phase = 0; phase < kMostPhases && has_sent; ++phase) {
    has_sent = false;
    is_tried_.assign(speeds_.size(), 0);
    for (int32_t e = 0; e < std::ssize(tokens_); ++e) {
      double sent = 1;
      while (left_[e] > tolerance_ && sent > 0) {
        sent = Send(e, left_[e]);
        left_[e] -= sent;
        has_sent = has_sent || sent > 0;
      }
    }
  }
}

// Finds a shortest path from an expert with tokens left to a rank with room, and sends tokens along
// it. Returns false if there is none.
bool ReplicaFlow::Augment() {
  edge_to_rank_.assign(speeds_.size(), kNone);
  edge_to_expert_.assign(tokens_.size(), kNone);
  queue_.clear();
  for (int32_t e = 0; e < std::ssize(tokens_); ++e) {
    if (left_[e] <= tolerance_) continue;
    edge_to_expert_[e] = kSource;
    queue_.push_back(e);
  }
  for (size_t next = 0; next < queue_.size(); ++next) {
    const int32_t e = queue_[next];
    for (int64_t i = edge_begins_[e]; i < edge_begins_[e + 1]; ++i) {
      const int32_t r = rank_of_edge_[i];
      if (edge_to_rank_[r] != kNone) continue;
      edge_to_rank_[r] = i;
      if (room_[r] > tolerance_) {
        Push(r);
        return true;
      }
      for (int64_t j = rank_begins_[r]; j < rank_begins_[r + 1]; ++j) {
        const int64_t back = rank_edges_[j];
        const int32_t other = expert_of_edge_[back];
        if (flow_[back] <= tolerance_ || edge_to_expert_[other] != kNone) continue;
        edge_to_expert_[other] = back;
        queue_.push_back(other);
      }
    }
  }
  return false;
}

void ReplicaFlow::Push(int32_t last_rank) {
  double amount = room_[last_rank];
  int32_t rank = last_rank;
  int32_t expert = 0;
  while (true) {
    expert = expert_of_edge_[edge_to_rank_[rank]];
    const int64_t back = edge_to_expert_[expert];
    if (back == kSource) break;
    amount = std::min(amount, flow_[back]);
    rank = rank_of_edge_[back];
  }
  amount = std::min(amount, left_[expert]);
  left_[expert] -= amount;
  room_[last_rank] -= amount;
  for (rank = last_rank;;) {
    flow_[edge_to_rank_[rank]] += amount;
    const int64_t back = edge_to_expert_[expert_of_edge_[edge_to_rank_[rank]]];
    if (back == kSource) return;
    flow_[back] -= amount;
    rank = rank_of_edge_[back];
  }
}

// After a search without a path: returns the time of the ranks that it reached, which nobody can
// help, and marks them.
double ReplicaFlow::TimeOfReached() {
  double tokens = 0;
  double speed = 0;
  for (size_t e = 0; e < tokens_.size(); ++e) {
    if (edge_to_expert_[e] != kNone) tokens += tokens_[e];
  }
  for (size_t r = 0; r < speeds_.size(); ++r) {
    critical_[r] = edge_to_rank_[r] != kNone ? 1 : 0;
    if (critical_[r] != 0) speed += speeds_[r];
  }
  return speed > 0 ? tokens / speed : 0;
}

double ReplicaFlow::Divide() {
  ListEdgesByRank();
  const double sum = std::accumulate(tokens_.begin(), tokens_.end(), 0.0);
  tolerance_ = sum * 1e-13;
  left_ = tokens_;
  flow_.assign(rank_of_edge_.size(), 0);
  double time = FirstTime();
  room_.assign(speeds_.size(), 0);
  for (size_t r = 0; r < speeds_.size(); ++r) room_[r] = time * speeds_[r];
  while (true) {
    SendMost();
    while (Augment()) {
    }
    const double left = std::accumulate(left_.begin(), left_.end(), 0.0);
    if (left <= sum * 1e-10) return time;
    const double more = TimeOfReached();
    if (more <= time) return time;
    for (size_t r = 0; r < speeds_.size(); ++r) room_[r] += (more - time) * speeds_[r];
    time = more;
  }
}

}  // namespace octet

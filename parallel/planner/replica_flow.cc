#include "parallel/planner/replica_flow.h"

#include <algorithm>
#include <limits>
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

// Divides the tokens of each expert by the speeds of its ranks.
void ReplicaFlow::Spread() {
  load_.assign(speeds_.size(), 0);
  for (size_t e = 0; e < tokens_.size(); ++e) {
    double speed = 0;
    for (int64_t i = edge_begins_[e]; i < edge_begins_[e + 1]; ++i)
      speed += speeds_[rank_of_edge_[i]];
    for (int64_t i = edge_begins_[e]; i < edge_begins_[e + 1]; ++i) {
      flow_[i] = tokens_[e] * speeds_[rank_of_edge_[i]] / speed;
      load_[rank_of_edge_[i]] += flow_[i];
    }
  }
}

// Divides the tokens of an expert anew: ranks that are less busy than the others get them until all
// that have some are equally busy.
void ReplicaFlow::LevelRanksOf(int32_t expert) {
  const int64_t begin = edge_begins_[expert], end = edge_begins_[expert + 1];
  for (int64_t i = begin; i < end; ++i) load_[rank_of_edge_[i]] -= flow_[i];
  double time = std::numeric_limits<double>::infinity();
  for (bool is_level = false; !is_level;) {
    double tokens = tokens_[expert];
    double speed = 0;
    for (int64_t i = begin; i < end; ++i) {
      const int32_t rank = rank_of_edge_[i];
      if (load_[rank] >= time * speeds_[rank]) continue;
      tokens += load_[rank];
      speed += speeds_[rank];
    }
    is_level = speed == 0 || tokens / speed >= time;
    if (!is_level) time = tokens / speed;
  }
  for (int64_t i = begin; i < end; ++i) {
    const int32_t rank = rank_of_edge_[i];
    flow_[i] = std::max(0.0, time * speeds_[rank] - load_[rank]);
    load_[rank] += flow_[i];
  }
}

void ReplicaFlow::LevelRanks() {
  constexpr int kTurns = 4;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int32_t e = 0; e < std::ssize(tokens_); ++e) {
      if (edge_begins_[e + 1] - edge_begins_[e] > 1 && tokens_[e] > 0) LevelRanksOf(e);
    }
  }
}

double ReplicaFlow::BusiestTime() const {
  double most = 0;
  for (size_t r = 0; r < speeds_.size(); ++r) most = std::max(most, load_[r] / speeds_[r]);
  return most;
}

// Returns the largest time that some of the busiest ranks need for what nobody else can take, and
// marks these ranks.
double ReplicaFlow::TimeOfBusiest() {
  by_time_.resize(speeds_.size());
  std::iota(by_time_.begin(), by_time_.end(), 0);
  std::ranges::sort(by_time_, [&](int32_t a, int32_t b) {
    return load_[a] * speeds_[b] > load_[b] * speeds_[a];
  });
  place_of_.resize(speeds_.size());
  for (int32_t i = 0; i < std::ssize(by_time_); ++i) place_of_[by_time_[i]] = i;
  alone_.assign(speeds_.size(), 0);
  for (size_t e = 0; e < tokens_.size(); ++e) {
    int32_t last = 0;
    for (int64_t i = edge_begins_[e]; i < edge_begins_[e + 1]; ++i) {
      last = std::max(last, place_of_[rank_of_edge_[i]]);
    }
    alone_[last] += tokens_[e];
  }
  double time = 0, tokens = 0, speed = 0;
  int32_t last = -1;
  for (int32_t i = 0; i < std::ssize(by_time_); ++i) {
    tokens += alone_[i];
    speed += speeds_[by_time_[i]];
    if (tokens <= time * speed) continue;
    time = tokens / speed;
    last = i;
  }
  for (size_t r = 0; r < speeds_.size(); ++r) critical_[r] = place_of_[r] <= last ? 1 : 0;
  return time;
}

// Takes what does not fit into the time from its ranks.
void ReplicaFlow::CutTo(double time) {
  left_.assign(tokens_.size(), 0);
  room_.assign(speeds_.size(), 0);
  for (size_t r = 0; r < speeds_.size(); ++r) {
    double excess = load_[r] - time * speeds_[r];
    room_[r] = std::max(0.0, -excess);
    for (int64_t i = rank_begins_[r]; i < rank_begins_[r + 1] && excess > 0; ++i) {
      const int64_t edge = rank_edges_[i];
      const double cut = std::min(excess, flow_[edge]);
      flow_[edge] -= cut;
      left_[expert_of_edge_[edge]] += cut;
      excess -= cut;
    }
  }
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
  constexpr int kMostRounds = 8;
  constexpr double kTimeError = 1e-11;
  ListEdgesByRank();
  const double sum = std::accumulate(tokens_.begin(), tokens_.end(), 0.0);
  tolerance_ = sum * 1e-13;
  flow_.assign(rank_of_edge_.size(), 0);
  critical_.assign(speeds_.size(), 0);
  Spread();
  double time = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    LevelRanks();
    time = TimeOfBusiest();
    if (BusiestTime() <= time * (1 + kTimeError)) return time;
  }
  CutTo(time);
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

#include "parallel/dispatch_plan.h"

#include <algorithm>
#include <numeric>

#include "kernels/check.h"

namespace octet {
namespace {

// The replica that serves a token: the one on its own rank, else each in turn.
int32_t ChooseReplica(std::span<const int32_t> ranks, int home, int64_t token) {
  if (ranks.size() == 1) return ranks[0];
  for (const int32_t r : ranks) {
    if (r == home) return r;
  }
  return ranks[static_cast<size_t>(home + token) % ranks.size()];
}

}  // namespace

int64_t DispatchPlan::num_rows() const {
  return std::accumulate(recv_tokens.begin(), recv_tokens.end(), int64_t{0});
}

const DispatchPlan& DispatchPlanner::Plan(int layer, std::span<const Routing> routing) {
  OCTET_CHECK(std::ssize(routing) == placement_.num_ranks());
  Clear(layer, routing[rank_].topk);
  for (int home = 0; home < std::ssize(routing); ++home) {
    const Routing& r = routing[home];
    OCTET_CHECK_EQ(r.topk, topk_);
    for (int64_t token = 0; token < r.num_tokens; ++token) {
      AddToken(home, token, std::span(r.topk_idx).subspan(token * topk_, topk_),
               std::span(r.topk_weights).subspan(token * topk_, topk_));
    }
  }
  GroupByExpert();
  NumberReturnedRows();
  return plan_;
}

void DispatchPlanner::Clear(int layer, int topk) {
  layer_ = layer;
  topk_ = topk;
  num_rows_ = 0;
  owners_.resize(topk);
  assignments_.clear();
  combine_ranks_.clear();
  const int num_ranks = placement_.num_ranks();
  plan_.send_tokens.resize(num_ranks);
  for (auto& tokens : plan_.send_tokens) tokens.clear();
  plan_.recv_tokens.assign(num_ranks, 0);
  plan_.send_returns.assign(num_ranks, 0);
  plan_.recv_returns.assign(num_ranks, 0);
  plan_.expert_tokens.assign(placement_.num_experts(), 0);
  plan_.rank_tokens.assign(num_ranks, 0);
  for (DispatchPlan::Sums* sums : {&plan_.returns, &plan_.combine}) {
    sums->offsets.assign(1, 0);
    sums->rows.clear();
    sums->weights.clear();
  }
}

void DispatchPlanner::AddToken(int home, int64_t token, std::span<const int32_t> experts,
                               std::span<const float> weights) {
  for (int slot = 0; slot < topk_; ++slot) {
    owners_[slot] = ChooseReplica(placement_.ranks(layer_, experts[slot]), home, token);
    ++plan_.expert_tokens[experts[slot]];
    ++plan_.rank_tokens[owners_[slot]];
  }
  const bool one_owner =
      std::all_of(owners_.begin(), owners_.end(), [&](int32_t r) { return r == owners_[0]; });
  if (home == rank_) AddOwnToken(token, one_owner);
  if (std::find(owners_.begin(), owners_.end(), rank_) != owners_.end()) {
    AddReceivedToken(home, experts, weights, one_owner);
  }
}

void DispatchPlanner::AddOwnToken(int64_t token, bool one_owner) {
  const int returned_rows = one_owner ? 1 : topk_;
  for (int slot = 0; slot < topk_; ++slot) {
    const int32_t owner = owners_[slot];
    std::vector<int32_t>& tokens = plan_.send_tokens[owner];
    if (tokens.empty() || tokens.back() != token) tokens.push_back(static_cast<int32_t>(token));
    if (slot >= returned_rows) continue;
    plan_.combine.rows.push_back(static_cast<int32_t>(plan_.recv_returns[owner]++));
    plan_.combine.weights.push_back(1);
    combine_ranks_.push_back(owner);
  }
  plan_.combine.offsets.push_back(static_cast<int32_t>(plan_.combine.rows.size()));
}

void DispatchPlanner::AddReceivedToken(int home, std::span<const int32_t> experts,
                                       std::span<const float> weights, bool one_owner) {
  ++plan_.recv_tokens[home];
  for (int slot = 0; slot < topk_; ++slot) {
    if (owners_[slot] != rank_) continue;
    plan_.returns.rows.push_back(static_cast<int32_t>(assignments_.size()));
    plan_.returns.weights.push_back(weights[slot]);
    assignments_.push_back({experts[slot], num_rows_});
    if (!one_owner || slot + 1 == topk_) {
      plan_.returns.offsets.push_back(static_cast<int32_t>(plan_.returns.rows.size()));
      ++plan_.send_returns[home];
    }
  }
  ++num_rows_;
}

// A counting sort of the assignments; returns.rows follows them to their new places.
void DispatchPlanner::GroupByExpert() {
  local_.assign(placement_.num_experts(), -1);
  plan_.local_experts.clear();
  for (int e = 0; e < placement_.num_experts(); ++e) {
    if (!placement_.Owns(layer_, e, rank_)) continue;
    local_[e] = static_cast<int32_t>(plan_.local_experts.size());
    plan_.local_experts.push_back(e);
  }
  plan_.expert_offsets.assign(plan_.local_experts.size() + 1, 0);
  for (const Assignment& a : assignments_) ++plan_.expert_offsets[local_[a.expert] + 1];
  std::partial_sum(plan_.expert_offsets.begin(), plan_.expert_offsets.end(),
                   plan_.expert_offsets.begin());
  next_.assign(plan_.expert_offsets.begin(), plan_.expert_offsets.end() - 1);
  plan_.expert_rows.resize(assignments_.size());
  for (size_t i = 0; i < assignments_.size(); ++i) {
    const int32_t place = next_[local_[assignments_[i].expert]]++;
    plan_.expert_rows[place] = assignments_[i].row;
    plan_.returns.rows[i] = place;
  }
}

// From "the i-th row that rank r returns" to a row of all that come back.
void DispatchPlanner::NumberReturnedRows() {
  first_returned_.assign(plan_.recv_returns.size(), 0);
  std::partial_sum(plan_.recv_returns.begin(), plan_.recv_returns.end() - 1,
                   first_returned_.begin() + 1);
  for (size_t i = 0; i < plan_.combine.rows.size(); ++i) {
    plan_.combine.rows[i] += static_cast<int32_t>(first_returned_[combine_ranks_[i]]);
  }
}

}  // namespace octet

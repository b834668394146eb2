#include "parallel/dispatch/dispatch_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/base/check.h"

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

RowLayout::RowLayout(const HostGroup& host, int num_ranks, int64_t max_tokens, int topk)
    : tokens_of(num_ranks, kRemote), returns_of(num_ranks, kRemote) {
  const int64_t ranks_elsewhere = num_ranks - host.size();
  const int64_t most_returns = num_ranks * max_tokens * topk;
  const int64_t tokens_of_each = max_tokens + ranks_elsewhere * max_tokens;
  const int64_t returns_of_each = most_returns + (ranks_elsewhere > 0 ? max_tokens * topk : 0);
  num_tokens = host.size() * tokens_of_each;
  num_returns = host.size() * returns_of_each;
  OCTET_CHECK(num_returns <= std::numeric_limits<int32_t>::max()) << num_returns << " rows";
  for (int i = 0; i < host.size(); ++i) {
    tokens_of[host.ranks[i]] = static_cast<int32_t>(i * tokens_of_each);
    returns_of[host.ranks[i]] = static_cast<int32_t>(i * returns_of_each);
  }
  const int rank = host.ranks[host.index];
  remote_tokens = static_cast<int32_t>(tokens_of[rank] + max_tokens);
  remote_returns = static_cast<int32_t>(returns_of[rank] + most_returns);
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
  num_remote_tokens_ = 0;
  owners_.resize(topk);
  assignments_.clear();
  combine_ranks_.clear();
  const int num_ranks = placement_.num_ranks();
  plan_.send_tokens.resize(num_ranks);
  for (auto& tokens : plan_.send_tokens) tokens.clear();
  plan_.recv_tokens.assign(num_ranks, 0);
  first_returned_.assign(layout_.returns_of.begin(), layout_.returns_of.end());
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
  if (home < rank_) CountEarlierReturns(one_owner);
  if (std::find(owners_.begin(), owners_.end(), rank_) != owners_.end()) {
    AddReceivedToken(home, token, experts, weights, one_owner);
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

// What a rank returns lies by home rank.
void DispatchPlanner::CountEarlierReturns(bool one_owner) {
  for (int slot = 0; slot < (one_owner ? 1 : topk_); ++slot) ++first_returned_[owners_[slot]];
}

void DispatchPlanner::AddReceivedToken(int home, int64_t token, std::span<const int32_t> experts,
                                       std::span<const float> weights, bool one_owner) {
  ++plan_.recv_tokens[home];
  const auto row = layout_.OnThisHost(home) ? static_cast<int32_t>(layout_.tokens_of[home] + token)
                                            : layout_.remote_tokens + num_remote_tokens_++;
  for (int slot = 0; slot < topk_; ++slot) {
    if (owners_[slot] != rank_) continue;
    plan_.returns.rows.push_back(static_cast<int32_t>(assignments_.size()));
    plan_.returns.weights.push_back(weights[slot]);
    assignments_.push_back({experts[slot], row});
    if (!one_owner || slot + 1 == topk_) {
      plan_.returns.offsets.push_back(static_cast<int32_t>(plan_.returns.rows.size()));
      ++plan_.send_returns[home];
    }
  }
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

// From "the i-th row that rank r returns to this one" to where it lies.
void DispatchPlanner::NumberReturnedRows() {
  int64_t next = layout_.remote_returns;
  for (size_t r = 0; r < first_returned_.size(); ++r) {
    if (layout_.OnThisHost(static_cast<int>(r))) continue;
    first_returned_[r] = next;
    next += plan_.recv_returns[r];
  }
  for (size_t i = 0; i < plan_.combine.rows.size(); ++i) {
    plan_.combine.rows[i] += static_cast<int32_t>(first_returned_[combine_ranks_[i]]);
  }
}

}  // namespace octet

#include "runtime/engine/scheduler_limits.h"

#include <algorithm>

namespace octet {
namespace {

// Returns the part of `total` that the r-th of n gets. n may exceed `total`.
int64_t Share(int64_t total, int n, int r) { return total / n + (r < total % n ? 1 : 0); }

// A running sequence takes at least one token of every step.
int64_t SlotsOfGroup(const SchedulerLimits& limits) {
  return std::min(limits.max_num_seqs, limits.max_num_batched_tokens);
}

}  // namespace

int64_t SchedulerLimits::TokensOf(int rank) const {
  return Share(max_num_batched_tokens, group_size, rank % group_size);
}

int64_t SchedulerLimits::NumSlots() const {
  return SlotsOfGroup(*this) * (num_ranks() / group_size);
}

int64_t SchedulerLimits::SlotsOf(int rank) const {
  return Share(SlotsOfGroup(*this), group_size, rank % group_size);
}

}  // namespace octet

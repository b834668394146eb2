#include "runtime/engine/rebalancer.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "parallel/placement/placement_change.h"

namespace octet {

void Rebalancer::Announce(bool is_moving, std::span<RankStep> steps) {
  const bool use_layer = is_moving && all_have_moved_;
  std::optional<ExpertPlacement> target;
  if (!is_moving && requested_) {
    target = WithRoom(*std::exchange(requested_, std::nullopt));
    planned_.reset();  // it came from counts under the placement that ends here
  } else if (!is_moving) {
    target = std::exchange(planned_, std::nullopt);
  }
  counts_ = options_.every > 0 && steps_ >= options_.every && !is_moving && !target;
  if (counts_) totals_ = NoCounts();
  all_have_moved_ = true;
  for (RankStep& step : steps) {
    step.set_use_moved_layer(use_layer);
    step.set_count_experts(counts_);
    if (target) *step.mutable_move_experts() = target->ToProto();
  }
}

void Rebalancer::Add(const StepResult& result) {
  all_have_moved_ = all_have_moved_ && result.experts_have_moved();
  if (!counts_) return;
  const auto experts = placement_.num_experts();
  for (int i = 0; i < result.expert_tokens_size(); ++i) {
    totals_[i / experts][i % experts] += result.expert_tokens(i);
  }
}

void Rebalancer::EndStep(bool has_tokens) {
  if (has_tokens) ++steps_;
  if (counts_) PlaceAnew();
}

void Rebalancer::PlaceAnew() {
  ExpertCounts since = totals_;
  for (size_t l = 0; l < since.size(); ++l) {
    for (size_t e = 0; e < since[l].size(); ++e) since[l][e] -= before_[l][e];
  }
  before_ = totals_;
  steps_ = 0;
  const ExpertPlacement target = RenameRanks(placement_, options_.place(since));
  planned_ = WithRoom(KeepUnlessBetter(placement_, target, since));
}

// Returns `target` with the layers that find no room left as they are, or nullopt if nothing would
// change.
std::optional<ExpertPlacement> Rebalancer::WithRoom(const ExpertPlacement& target) {
  int num_kept = 0;
  ExpertPlacement reached = KeepWithoutRoom(placement_, target, options_.rooms, num_kept);
  if (num_kept > 0) {
    notes_.push_back(
        absl::StrCat("the experts of ", num_kept, num_kept == 1 ? " layer" : " layers",
                     " stay where they are: a rank has no room for those that would come; "
                     "--spare-experts reserves more"));
  }
  if (reached.ToString() == placement_.ToString()) return std::nullopt;
  return reached;
}

}  // namespace octet

// The decision when experts move, and to which ranks.

#ifndef OCTET_RUNTIME_ENGINE_REBALANCER_H_
#define OCTET_RUNTIME_ENGINE_REBALANCER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/placement/expert_counts.h"
#include "parallel/placement/expert_placement.h"
#include "proto/engine.pb.h"

namespace octet {

struct RebalanceOptions {
  // The number of steps after which experts are placed again, by their counts since the last
  // placement. 0 means never.
  int64_t every = 0;
  std::function<ExpertPlacement(const ExpertCounts& counts)> place;  // used if `every` is not 0

  // [ranks of a group] the most (layer, expert) pairs at a time. If empty, experts never move.
  std::vector<int64_t> rooms;
};

// Rank 0's part of moving experts. With their steps, it tells all ranks to count, to move experts,
// and to use a layer that has moved. Counts alone decide where experts move. The time at which a
// layer has arrived on all ranks decides when it is used. No answer depends on either.
class Rebalancer {
 public:
  // `placement` changes as experts move. It must outlive this object.
  Rebalancer(const RebalanceOptions& options, const ExpertPlacement& placement)
      : options_(options), placement_(placement), totals_(NoCounts()), before_(totals_) {}

  // Requests that experts move to `target` as soon as no others move. A later request replaces an
  // earlier one that has not begun.
  void Request(ExpertPlacement target) { requested_ = std::move(target); }

  // Call it before a step. Adds what all ranks do in that step. is_moving:
  // ExpertMover::is_moving().
  void Announce(bool is_moving, std::span<RankStep> steps);

  // After the step: call Add with the result of each rank, then EndStep once.
  void Add(const StepResult& result);
  void EndStep(bool has_tokens);

  // Returns the notes for the user since the last call, and clears them.
  std::vector<std::string> TakeNotes() { return std::exchange(notes_, {}); }

 private:
  ExpertCounts NoCounts() const {
    return {static_cast<size_t>(placement_.num_layers()),
            std::vector<int64_t>(placement_.num_experts())};
  }
  void PlaceAnew();
  std::optional<ExpertPlacement> WithRoom(const ExpertPlacement& target);

  const RebalanceOptions options_;
  const ExpertPlacement& placement_;
  std::optional<ExpertPlacement> requested_;
  std::optional<ExpertPlacement> planned_;
  bool all_have_moved_ = false;  // in the last step
  bool counts_ = false;          // this step
  int64_t steps_ = 0;            // since the last placement
  ExpertCounts totals_;          // of the run so far, at the latest count
  ExpertCounts before_;          // of the run, at the last placement
  std::vector<std::string> notes_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_REBALANCER_H_

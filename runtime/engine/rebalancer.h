// When experts move, and where to.

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
  // Steps after which experts are placed anew, by what they computed since the last time; 0: never.
  int64_t every = 0;
  std::function<ExpertPlacement(const ExpertCounts& counts)> place;  // where `every` is not 0

  // [ranks of a group] most (layer, expert) pairs at a time. Empty: experts never move.
  std::vector<int64_t> rooms;
};

// Rank 0's part: tells all ranks, with their steps, to count, to move and to use what has moved.
// Lives on rank 0. What is decided follows from counts; when a layer is used, from when it has come
// to all ranks. No answer depends on either.
class Rebalancer {
 public:
  // `placement` changes as experts move; it must outlive this.
  Rebalancer(const RebalanceOptions& options, const ExpertPlacement& placement)
      : options_(options), placement_(placement), totals_(NoCounts()), before_(totals_) {}

  // Experts move there as soon as no others do. Of two requests the later one counts.
  void Request(ExpertPlacement target) { requested_ = std::move(target); }

  // Before a step: adds what all ranks do in it. is_moving: ExpertMover's.
  void Announce(bool is_moving, std::span<RankStep> steps);

  // After it: what each rank has to say, then that all have.
  void Add(const StepResult& result);
  void EndStep(bool has_tokens);

  // What a person should know since the last call.
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
  int64_t steps_ = 0;            // since the last time
  ExpertCounts totals_;          // of the run, as far as ranks have told
  ExpertCounts before_;          // when experts were placed last
  std::vector<std::string> notes_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_REBALANCER_H_

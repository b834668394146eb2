// Which replica of an expert serves a token.

#ifndef OCTET_PARALLEL_DISPATCH_REPLICA_CHOICE_H_
#define OCTET_PARALLEL_DISPATCH_REPLICA_CHOICE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/even_split.h"
#include "parallel/dispatch/replica_policy.h"
#include "parallel/dispatch/routing.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// (token, slot) pairs of each home of one host for each expert: [homes, experts].
struct HostExpertCounts {
  int num_experts = 0;
  std::span<const int32_t> counts;

  int num_homes() const { return static_cast<int>(std::ssize(counts) / num_experts); }
  int32_t operator()(int home, int expert) const {
    return counts[int64_t{home} * num_experts + expert];
  }
};

// Chooses for the tokens of one home: a pure function of its routing, of the placement, and of the
// counts of its host. Keeps its memory from one call to the next.
class ReplicaChooser {
 public:
  // What it is made from must outlive it.
  ReplicaChooser(const ExpertPlacement& placement, const HostTopology& hosts, int home,
                 ReplicaPolicy policy);

  // Whether Choose needs the counts of this layer. The same on all ranks of a host.
  bool NeedsCounts(int layer) const { return needs_counts_[layer]; }

  // owner_of: for each (token, slot) pair a rank that has the expert. `counts` are used only where
  // they are needed.
  void Choose(int layer, const Routing& routing, const HostExpertCounts& counts,
              std::vector<int32_t>& owner_of);

 private:
  // The replicas that may serve this host.
  std::span<const int32_t> Candidates(int layer, int expert) const;

  int32_t ChooseInTurn(int layer, int expert, int64_t token) const;
  void ChooseEvenly(int layer, const Routing& routing, const HostExpertCounts& counts,
                    std::vector<int32_t>& owner_of);
  void DivideHost(int layer, const HostExpertCounts& counts);
  void TakeShare(int layer, int expert, const HostExpertCounts& counts);

  const ExpertPlacement& placement_;
  const HostTopology& hosts_;
  const int home_;
  const ReplicaPolicy policy_;
  std::vector<std::vector<int32_t>> near_;  // [layer, expert] the replicas on this host
  std::vector<bool> needs_counts_;          // [layers]

  EvenSplit split_;             // of the rows of all homes of this host, by expert
  std::vector<int64_t> left_;   // rows of an expert that each candidate may still take
  std::vector<int64_t> quota_;  // [experts, most candidates] rows of this home
  int64_t most_candidates_ = 1;
};

// What all homes of a group choose, for who knows all routings. Keeps its memory.
class GroupReplicaChoice {
 public:
  // What it is made from must outlive it.
  GroupReplicaChoice(const ExpertPlacement& placement, const HostTopology& hosts,
                     ReplicaPolicy policy);

  // routing: [homes]. owner_of[home][pair]; valid until the next call.
  const std::vector<std::vector<int32_t>>& Choose(int layer, std::span<const Routing> routing);

 private:
  const HostTopology& hosts_;
  const int num_experts_;
  std::vector<ReplicaChooser> choosers_;  // [homes]
  std::vector<int32_t> counts_;           // of one host
  std::vector<std::vector<int32_t>> owner_of_;
};

// The same for a single time.
std::vector<std::vector<int32_t>> ChooseOwners(const ExpertPlacement& placement,
                                               const HostTopology& hosts, ReplicaPolicy policy,
                                               int layer, std::span<const Routing> routing);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_REPLICA_CHOICE_H_

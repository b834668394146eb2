// The choice of the replica that serves a token.

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

// The number of (token, slot) pairs of each home of one host for each expert: [homes, experts].
struct HostExpertCounts {
  int num_experts = 0;
  std::span<const int32_t> counts;

  int num_homes() const { return static_cast<int>(std::ssize(counts) / num_experts); }
  int32_t operator()(int home, int expert) const {
    return counts[int64_t{home} * num_experts + expert];
  }
};

// A chooser of replicas for the tokens of one home. The choice is a pure function of the home's
// routing, of the placement, and of the counts of its host. Keeps its memory from one call to the
// next.
class ReplicaChooser {
 public:
  // The arguments must outlive this object.
  ReplicaChooser(const ExpertPlacement& placement, const HostTopology& hosts, int home,
                 ReplicaPolicy policy);

  // Returns whether Choose needs the counts of this layer. The same on all ranks of a host.
  bool NeedsCounts(int layer) const { return needs_counts_[layer]; }

  // Sets owner_of to a rank that has the expert, for each (token, slot) pair. Uses `counts` only if
  // NeedsCounts(layer).
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

// The choices of all homes of a group, for a caller that knows all routings. Keeps its memory from
// one call to the next.
class GroupReplicaChoice {
 public:
  // The arguments must outlive this object.
  GroupReplicaChoice(const ExpertPlacement& placement, const HostTopology& hosts,
                     ReplicaPolicy policy);

  // routing: [homes]. Returns owner_of[home][pair], which is valid until the next call.
  const std::vector<std::vector<int32_t>>& Choose(int layer, std::span<const Routing> routing);

 private:
  const HostTopology& hosts_;
  const int num_experts_;
  std::vector<ReplicaChooser> choosers_;  // [homes]
  std::vector<int32_t> counts_;           // of one host
  std::vector<std::vector<int32_t>> owner_of_;
};

// Does the same as GroupReplicaChoice, for a single call.
std::vector<std::vector<int32_t>> ChooseOwners(const ExpertPlacement& placement,
                                               const HostTopology& hosts, ReplicaPolicy policy,
                                               int layer, std::span<const Routing> routing);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_REPLICA_CHOICE_H_

// The policy by which a home chooses among the replicas of an expert.

#ifndef OCTET_PARALLEL_DISPATCH_REPLICA_POLICY_H_
#define OCTET_PARALLEL_DISPATCH_REPLICA_POLICY_H_

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace octet {

// The values of --replica-policy. A replica on the home's host goes before all others, except for
// kInTurn.
enum class ReplicaPolicy {
  kEven,     // the busiest rank gets as few rows of the host's tokens as possible
  kNearest,  // the replica on the home's own rank, else each in turn
  kInTurn,   // each in turn, wherever they are
};

inline constexpr std::array<std::pair<std::string_view, ReplicaPolicy>, 3> kReplicaPolicies = {
    {{"even", ReplicaPolicy::kEven},
     {"nearest", ReplicaPolicy::kNearest},
     {"in-turn", ReplicaPolicy::kInTurn}}};

inline std::optional<ReplicaPolicy> ParseReplicaPolicy(std::string_view name) {
  for (const auto& [known, policy] : kReplicaPolicies) {
    if (known == name) return policy;
  }
  return std::nullopt;
}

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_REPLICA_POLICY_H_

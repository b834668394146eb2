// The division of a number of replicas over layers.

#ifndef OCTET_PARALLEL_PLANNER_REPLICA_BUDGET_H_
#define OCTET_PARALLEL_PLANNER_REPLICA_BUDGET_H_

#include <span>
#include <vector>

namespace octet {

// What some layer costs with each number of replicas, from none on: [numbers].
using CostOfReplicas = std::vector<double>;

struct ReplicaDivision {
  std::vector<int> replicas;  // [layers]
  double cost = 0;            // over the layers
  double bound = 0;           // no division costs less
};

// Divides at most `budget` replicas over layers so that they cost little together. Takes the
// steepest pieces of the convex hulls of `costs` as long as they fit, then the best whole
// replicas. For `bound` it takes the hulls of `bounds`, costs below which no layer is, and the
// piece that does not fit in part. costs, bounds: [layers].
ReplicaDivision DivideReplicas(std::span<const CostOfReplicas> costs,
                               std::span<const CostOfReplicas> bounds, int budget);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_REPLICA_BUDGET_H_

// The best division of experts' tokens over their replicas.

#ifndef OCTET_PARALLEL_PLANNER_REPLICA_FLOW_H_
#define OCTET_PARALLEL_PLANNER_REPLICA_FLOW_H_

#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// A division of tokens over ranks of unlike speed in which the busiest rank takes as little time as
// possible. The tokens of an expert may go in any parts to the ranks that have it. (EvenSplit
// divides whole rows over equal bins.) Keeps its memory from one division to the next.
//
// The least time is the largest, over sets of ranks, of the tokens that nobody else can take over
// the speed of the set: the theorem of max flow and min cut. Experts level their ranks in turn, and
// some set of the busiest then has, mostly, the least time. If not, a flow with too little time
// finds a set that needs more; the search goes on with the time of that set (Newton's method, as in
// Dinkelbach, 1967).
class ReplicaFlow {
 public:
  // Begins a division. speeds: [ranks], must outlive it.
  void Begin(std::span<const double> speeds);

  // ranks: at least one, all different.
  void AddExpert(double tokens, std::span<const int32_t> ranks);

  // Returns the least time of the busiest rank. At least one expert must have been added.
  double Divide();

  // After Divide: whether each rank is in a set that needs all of this time: [ranks].
  std::span<const uint8_t> critical() const { return critical_; }

 private:
  void Spread();
  void LevelRanks();
  void LevelRanksOf(int32_t expert);
  double TimeOfBusiest();
  double BusiestTime() const;
  void CutTo(double time);
  double Send(int32_t expert, double amount);
  void SendMost();
  bool Augment();
  void Push(int32_t last_rank);
  double TimeOfReached();
  void ListEdgesByRank();

  std::span<const double> speeds_;
  std::vector<double> tokens_;           // [experts]
  std::vector<int64_t> edge_begins_;     // [experts + 1]
  std::vector<int32_t> rank_of_edge_;    // [edges]
  std::vector<int32_t> expert_of_edge_;  // [edges]
  std::vector<int64_t> rank_begins_;     // [ranks + 1] in rank_edges_
  std::vector<int64_t> rank_edges_;      // [edges]

  double tolerance_ = 0;
  std::vector<double> left_;  // [experts] tokens that have no rank yet
  std::vector<double> room_;  // [ranks] tokens that still fit into the time
  std::vector<double> flow_;  // [edges]
  std::vector<double> load_;  // [ranks] tokens

  std::vector<int32_t> by_time_;   // ranks, the busiest first
  std::vector<int32_t> place_of_;  // [ranks] there
  std::vector<double> alone_;      // [ranks] tokens that ranks up to this place alone can take

  std::vector<uint8_t> is_tried_;  // [ranks] in this phase

  // A breadth-first search: how it came to each expert and rank, -1 if it did not.
  std::vector<int64_t> edge_to_rank_;    // [ranks]
  std::vector<int64_t> edge_to_expert_;  // [experts]; kSource at the beginning of a path
  std::vector<int32_t> queue_;           // experts
  std::vector<uint8_t> critical_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_REPLICA_FLOW_H_

// A walk through all partitions of experts over ranks.

#ifndef OCTET_PARALLEL_PLACEMENT_PARTITION_WALK_H_
#define OCTET_PARALLEL_PLACEMENT_PARTITION_WALK_H_

#include <cstdint>
#include <vector>

namespace octet {

// A walk, depth first, through the partitions that give each rank as many experts as it has room
// for. Of partitions that differ only in the names of interchangeable ranks it visits one.
class PartitionWalk {
 public:
  // order: the experts, in the order in which they get ranks. rooms: [ranks], which add up to the
  // number of experts. kinds: [ranks]; ranks of one kind and with equal room are interchangeable.
  PartitionWalk(std::vector<int> order, std::vector<int> rooms, std::vector<int> kinds)
      : order_(std::move(order)),
        rooms_(std::move(rooms)),
        kinds_(std::move(kinds)),
        left_(rooms_),
        rank_of_(order_.size()) {}

  // Calls visitor.Enter(expert, rank) as an expert gets a rank, and visitor.Leave(expert, rank)
  // when it loses it. If Enter returns false, the walk leaves out what follows. Calls
  // visitor.Visit(rank_of) with each whole partition: [experts]. The walk ends if Visit returns
  // false.
  template <class Visitor>
  void Run(Visitor& visitor) {
    Place(0, visitor);
  }

 private:
  // Returns false at the end of the walk.
  template <class Visitor>
  bool Place(size_t next, Visitor& visitor) {
    if (next == order_.size()) return visitor.Visit(rank_of_);
    const int expert = order_[next];
    bool goes_on = true;
    for (size_t rank = 0; rank < rooms_.size() && goes_on; ++rank) {
      if (left_[rank] == 0 || LooksLikeEarlier(rank)) continue;
      --left_[rank];
      rank_of_[expert] = static_cast<int32_t>(rank);
      if (visitor.Enter(expert, static_cast<int>(rank))) goes_on = Place(next + 1, visitor);
      visitor.Leave(expert, static_cast<int>(rank));
      ++left_[rank];
    }
    return goes_on;
  }

  // Returns true if this rank and an earlier one like it are both empty.
  bool LooksLikeEarlier(size_t rank) const {
    if (left_[rank] != rooms_[rank]) return false;
    for (size_t r = 0; r < rank; ++r) {
      if (kinds_[r] == kinds_[rank] && rooms_[r] == rooms_[rank] && left_[r] == rooms_[r]) {
        return true;
      }
    }
    return false;
  }

  std::vector<int> order_;
  std::vector<int> rooms_;  // [ranks]
  std::vector<int> kinds_;  // [ranks]
  std::vector<int> left_;   // [ranks] room that is left
  std::vector<int32_t> rank_of_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_PARTITION_WALK_H_

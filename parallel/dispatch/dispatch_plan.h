// Who sends what to whom in one layer of one step.

#ifndef OCTET_PARALLEL_DISPATCH_DISPATCH_PLAN_H_
#define OCTET_PARALLEL_DISPATCH_DISPATCH_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/expert_placement.h"
#include "parallel/dispatch/routing.h"
#include "parallel/transport/host_group.h"

namespace octet {

// Where rows lie in the memory of a host, by their index: the tokens that its ranks' experts read,
// and the outputs that they return. Each rank of the host writes rows of its own, which the others
// read where they lie, and has room for those that come as messages from other hosts.
struct RowLayout {
  // For the rank host.index of a host, of num_ranks in all; each rank has at most max_tokens
  // tokens, which go to topk experts each.
  RowLayout(const HostGroup& host, int num_ranks, int64_t max_tokens, int topk);

  static constexpr int32_t kRemote = -1;  // of a rank on another host

  std::vector<int32_t> tokens_of;   // [ranks] row of the first token of each rank of the host
  std::vector<int32_t> returns_of;  // [ranks] row of the first output that it returns
  int32_t remote_tokens;            // row of the first token that comes from another host
  int32_t remote_returns;           // row of the first output that comes back from one
  int64_t num_tokens, num_returns;  // rows of the whole host

  bool OnThisHost(int rank) const { return tokens_of[rank] != kRemote; }
};

// One rank's part of the exchange, a pure function of every rank's routing and of the placement.
// All ranks derive matching parts, so no counts need to be exchanged.
//
//   x ─send_tokens─▶ rows ─expert_rows─▶ experts ─returns─▶ returned ─combine─▶ y
//
// x, y: own tokens; experts: (token, slot) pairs; rows, returned: as RowLayout has them.
//
// A token goes once to each rank that it needs. It comes back as one row for each slot, or as one
// row, already summed, from a rank that had all of its slots.
struct DispatchPlan {
  // A weighted sum of rows for each row of a result: row i is the sum of weights[j] * (row rows[j])
  // over offsets[i] <= j < offsets[i + 1].
  struct Sums {
    std::vector<int32_t> offsets;  // [results + 1]
    std::vector<int32_t> rows;
    std::vector<float> weights;
  };

  std::vector<std::vector<int32_t>> send_tokens;  // [ranks] own tokens for each rank, ascending
  std::vector<int64_t> recv_tokens;               // [ranks] tokens from each rank

  std::vector<int> local_experts;       // of this layer and rank, ascending
  std::vector<int32_t> expert_offsets;  // [local experts + 1] into expert_rows
  std::vector<int32_t> expert_rows;     // row of each (token, slot), grouped by local expert

  Sums returns;                       // of the experts' outputs, by home rank, token and slot
  std::vector<int64_t> send_returns;  // [ranks] rows of `returns` that go to each rank
  std::vector<int64_t> recv_returns;  // [ranks] rows that come back from each rank
  Sums combine;  // of the rows that come back, for each own token, in slot order

  // (token, slot) pairs of all ranks' tokens, by expert and by the rank that serves them.
  std::vector<int64_t> expert_tokens;  // [experts]
  std::vector<int64_t> rank_tokens;    // [ranks]
};

// Makes one rank's plans, and keeps its memory.
class DispatchPlanner {
 public:
  DispatchPlanner(const ExpertPlacement& placement, int rank, RowLayout layout)
      : placement_(placement), rank_(rank), layout_(std::move(layout)) {}

  // routing[r] is that of rank r. Valid until the next call.
  const DispatchPlan& Plan(int layer, std::span<const Routing> routing);

 private:
  struct Assignment {
    int32_t expert;
    int32_t row;
  };

  void Clear(int layer, int topk);
  void AddToken(int home, int64_t token, std::span<const int32_t> experts,
                std::span<const float> weights);
  void AddOwnToken(int64_t token, bool one_owner);
  void AddReceivedToken(int home, int64_t token, std::span<const int32_t> experts,
                        std::span<const float> weights, bool one_owner);
  void CountEarlierReturns(bool one_owner);
  void GroupByExpert();
  void NumberReturnedRows();

  const ExpertPlacement& placement_;
  int rank_;
  RowLayout layout_;
  int layer_ = 0;
  int topk_ = 0;
  DispatchPlan plan_;
  std::vector<int32_t> owners_;          // [topk] of the token at hand
  std::vector<Assignment> assignments_;  // in the order of returns.rows
  std::vector<int32_t> combine_ranks_;   // rank of each entry of combine.rows
  std::vector<int32_t> local_;           // [experts] index in local_experts
  std::vector<int32_t> next_;            // [local experts] place of its next row
  std::vector<int64_t> first_returned_;  // [ranks] row of what each returns to this one
  int32_t num_remote_tokens_ = 0;        // tokens
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_DISPATCH_PLAN_H_

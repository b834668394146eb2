#include "launch/bench/plain_copy.h"

#include <numeric>
#include <string>

#include "parallel/dispatch/send_plan.h"

namespace octet {
namespace {

template <class Span>
void Divide(Span all, const std::vector<int64_t>& rows, size_t row_bytes,
            std::vector<Span>& parts) {
  for (const int64_t n : rows) {
    parts.push_back(all.first(static_cast<size_t>(n) * row_bytes));
    all = all.subspan(parts.back().size());
  }
}

size_t TotalBytes(const std::vector<int64_t>& rows, size_t row_bytes) {
  return static_cast<size_t>(std::accumulate(rows.begin(), rows.end(), int64_t{0})) * row_bytes;
}

}  // namespace

std::vector<int64_t> RowCounts::From(int rank) const {
  const auto first = rows_.begin() + int64_t{rank} * num_ranks_;
  return {first, first + num_ranks_};
}

std::vector<int64_t> RowCounts::To(int rank) const {
  std::vector<int64_t> rows(num_ranks_);
  for (int r = 0; r < num_ranks_; ++r) rows[r] = rows_[int64_t{r} * num_ranks_ + rank];
  return rows;
}

ExchangeRows CountExchangeRows(const ExpertPlacement& placement, const HostTopology& hosts,
                               ReplicaPolicy policy, std::span<const Routing> routing) {
  const int num_ranks = hosts.num_ranks();
  const std::vector<std::string> same_name(num_ranks);
  const HostTopology one_host(same_name);  // so that one letter has all owners
  const auto owner_of = ChooseOwners(placement, hosts, policy, 0, routing);
  ExchangeRows rows = {.tokens = RowCounts(num_ranks), .returns = RowCounts(num_ranks)};
  for (int home = 0; home < num_ranks; ++home) {
    const SendPlan plan = PlanSend(routing[home], owner_of[home], home, one_host);
    const Letter letter = plan.LetterTo(plan.own_host);
    for (const OwnerPairs& owner : letter.owners) {
      rows.tokens(home, owner.rank) = CountTokens(letter.PairsOf(owner));
      rows.returns(owner.rank, home) = owner.num_returns;
    }
  }
  return rows;
}

PlainCopy::PlainCopy(int rank, const RowCounts& rows, size_t row_bytes) {
  std::vector<int64_t> send_rows = rows.From(rank);
  std::vector<int64_t> recv_rows = rows.To(rank);
  send_rows[rank] = 0;
  recv_rows[rank] = 0;
  out_.resize(TotalBytes(send_rows, row_bytes));
  in_.resize(TotalBytes(recv_rows, row_bytes));
  Divide(ConstBytes(out_), send_rows, row_bytes, send_);
  Divide(Bytes(in_), recv_rows, row_bytes, recv_);
}

}  // namespace octet

// MPI's own messages with the sizes of an exchange.

#ifndef OCTET_LAUNCH_BENCH_PLAIN_COPY_H_
#define OCTET_LAUNCH_BENCH_PLAIN_COPY_H_

#include <span>
#include <vector>

#include "launch/bench/mpi_messages.h"
#include "parallel/dispatch/replica_choice.h"

namespace octet {

// The number of rows that go from each rank to each other one.
class RowCounts {
 public:
  explicit RowCounts(int num_ranks)
      : num_ranks_(num_ranks), rows_(static_cast<size_t>(num_ranks) * num_ranks) {}

  int64_t& operator()(int from, int to) { return rows_[int64_t{from} * num_ranks_ + to]; }

  std::vector<int64_t> From(int rank) const;
  std::vector<int64_t> To(int rank) const;

 private:
  int num_ranks_;
  std::vector<int64_t> rows_;
};

struct ExchangeRows {
  RowCounts tokens;   // to the ranks of their experts
  RowCounts returns;  // back
};

// Returns the rows that each rank sends to each other one in a layer, on the same host or not.
// routing: [ranks].
ExchangeRows CountExchangeRows(const ExpertPlacement& placement, const HostTopology& hosts,
                               ReplicaPolicy policy, std::span<const Routing> routing);

// The buffers for the plain messages of one all-to-all, as large as the real ones.
class PlainCopy {
 public:
  PlainCopy(int rank, const RowCounts& rows, size_t row_bytes);

  void Run(PlainExchange plain) const { plain(send_, recv_); }
  size_t bytes_sent() const { return out_.size(); }

 private:
  std::vector<std::byte> out_, in_;
  std::vector<ConstBytes> send_;
  std::vector<Bytes> recv_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_PLAIN_COPY_H_

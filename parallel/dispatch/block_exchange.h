// The blocks that go between the devices of ranks in one layer.

#ifndef OCTET_PARALLEL_DISPATCH_BLOCK_EXCHANGE_H_
#define OCTET_PARALLEL_DISPATCH_BLOCK_EXCHANGE_H_

#include <absl/functional/function_ref.h>

#include <utility>
#include <vector>

#include "kernels/cuda/exchange_plan.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/row_transport.h"

namespace octet {

// The sizes of one message to or from each rank, and where the blocks of each begin.
class BlockSizes {
 public:
  void Set(std::vector<cuda::MessageSize> sizes) {
    sizes_ = std::move(sizes);
    starts_.assign(1, {});
    for (const cuda::MessageSize& size : sizes_) {
      const cuda::MessageSize& last = starts_.back();
      starts_.push_back(
          {last.tokens + size.tokens, last.pairs + size.pairs, last.returns + size.returns});
    }
  }
  const cuda::MessageSize& size(int rank) const { return sizes_[rank]; }
  const cuda::MessageSize& start(int rank) const { return starts_[rank]; }
  const cuda::MessageSize& total() const { return starts_.back(); }

 private:
  std::vector<cuda::MessageSize> sizes_;   // [ranks]
  std::vector<cuda::MessageSize> starts_;  // [ranks + 1]
};

// For BlockExchange::Add: the rows of a message's blocks.
inline int64_t NumTokens(const cuda::MessageSize& size) { return size.tokens; }
inline int64_t NumPairs(const cuda::MessageSize& size) { return size.pairs; }
inline int64_t NumReturns(const cuda::MessageSize& size) { return size.returns; }

// Exchanges of blocks of rows, several at a time.
class BlockExchange {
 public:
  BlockExchange(Communicator& comm, RowTransport& rows) : comm_(comm), rows_(rows) {}

  // Adds blocks: to each rank of `from`, and from each rank of `to`. count(size): the rows of one.
  using Count = absl::FunctionRef<int64_t(const cuda::MessageSize& size)>;
  void Add(Traffic kind, const BlockSizes& sent, Matrix from, const BlockSizes& arrived, Matrix to,
           Count count);

  // Puts what was added on the stream, and counts it as sent if `counts`.
  void Start(bool counts);

  // Counts blocks of rows of so many bytes as sent, so many times.
  void CountSent(Traffic kind, const BlockSizes& sent, int64_t row_bytes, Count count,
                 int64_t times);

 private:
  struct Sent {
    Traffic kind;
    int64_t messages;
    int64_t bytes;
  };

  Sent ToOthers(Traffic kind, const BlockSizes& sent, int64_t row_bytes, Count count) const;

  Communicator& comm_;
  RowTransport& rows_;
  std::vector<RowMessage> send_, recv_;
  std::vector<Sent> sent_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_BLOCK_EXCHANGE_H_

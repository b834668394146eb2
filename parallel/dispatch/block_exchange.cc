#include "parallel/dispatch/block_exchange.h"

namespace octet {

void BlockExchange::Add(Traffic kind, const BlockSizes& sent, Matrix from,
                        const BlockSizes& arrived, Matrix to, Count count) {
  sent_.push_back(ToOthers(kind, sent, static_cast<int64_t>(from.row_bytes()), count));
  for (int r = 0; r < comm_.size(); ++r) {
    if (const int64_t rows = count(sent.size(r)); rows > 0) {
      send_.push_back({r, from.Rows(count(sent.start(r)), rows)});
    }
    if (const int64_t rows = count(arrived.size(r)); rows > 0) {
      recv_.push_back({r, to.Rows(count(arrived.start(r)), rows)});
    }
  }
}

BlockExchange::Sent BlockExchange::ToOthers(Traffic kind, const BlockSizes& sent, int64_t row_bytes,
                                            Count count) const {
  Sent others = {kind, 0, 0};
  for (int r = 0; r < comm_.size(); ++r) {
    const int64_t rows = r == comm_.rank() ? 0 : count(sent.size(r));
    others.messages += rows > 0 ? 1 : 0;
    others.bytes += rows * row_bytes;
  }
  return others;
}

void BlockExchange::CountSent(Traffic kind, const BlockSizes& sent, int64_t row_bytes, Count count,
                              int64_t times) {
  const Sent once = ToOthers(kind, sent, row_bytes, count);
  comm_.CountSent(kind, times * once.messages, times * once.bytes);
}

void BlockExchange::Start(bool counts) {
  if (!send_.empty() || !recv_.empty()) rows_.Exchange(send_, recv_);
  for (const Sent& sent : sent_) {
    if (counts) comm_.CountSent(sent.kind, sent.messages, sent.bytes);
  }
  send_.clear();
  recv_.clear();
  sent_.clear();
}

}  // namespace octet

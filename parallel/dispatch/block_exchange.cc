#include "parallel/dispatch/block_exchange.h"

namespace octet {

void BlockExchange::Add(Traffic kind, const BlockSizes& sent, Matrix from,
                        const BlockSizes& arrived, Matrix to, Count count) {
  Sent& counted = sent_.emplace_back(Sent{kind, 0, 0});
  for (int r = 0; r < comm_.size(); ++r) {
    if (const int64_t rows = count(sent.size(r)); rows > 0) {
      send_.push_back({r, from.Rows(count(sent.start(r)), rows)});
      if (r != comm_.rank()) {
        ++counted.messages;
        counted.bytes += rows * static_cast<int64_t>(from.row_bytes());
      }
    }
    if (const int64_t rows = count(arrived.size(r)); rows > 0) {
      recv_.push_back({r, to.Rows(count(arrived.start(r)), rows)});
    }
  }
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

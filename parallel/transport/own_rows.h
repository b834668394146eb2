// Rows of a rank that has no others.

#ifndef OCTET_PARALLEL_TRANSPORT_OWN_ROWS_H_
#define OCTET_PARALLEL_TRANSPORT_OWN_ROWS_H_

#include "kernels/base/backend.h"
#include "parallel/transport/row_transport.h"

namespace octet {

// The transport of a single rank: its device copies what it sends to itself.
class OwnRows : public RowTransport {
 public:
  explicit OwnRows(Backend& backend) : backend_(backend) {}

  void Exchange(std::span<const RowMessage> send, std::span<const RowMessage> recv) override {
    OCTET_CHECK_EQ(send.size(), recv.size());
    for (size_t i = 0; i < send.size(); ++i) backend_.Convert(send[i].rows, recv[i].rows);
  }
  PendingWork& pending() override { return nothing_; }
  void Abort() override {}

 private:
  class Nothing : public PendingWork {
   public:
    bool Poll() override { return true; }
    bool all_have_come() const override { return true; }
    int64_t moves() const override { return 0; }
    void Visit(Visitor) const override {}
  };

  Backend& backend_;
  Nothing nothing_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_OWN_ROWS_H_

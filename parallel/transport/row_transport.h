// Rows that go between the devices of ranks.

#ifndef OCTET_PARALLEL_TRANSPORT_ROW_TRANSPORT_H_
#define OCTET_PARALLEL_TRANSPORT_ROW_TRANSPORT_H_

#include <span>

#include "kernels/base/matrix.h"
#include "parallel/transport/communicator.h"

namespace octet {

// Rows to a rank, or room for rows from it.
struct RowMessage {
  int rank;
  Matrix rows;  // dense (stride == cols), not empty, in memory of the device
};

// Moves rows between the devices of a group of ranks, in order with the other work of one stream of
// this rank's device. An error ends the job. The rank's own thread uses it.
class RowTransport {
 public:
  // Collective: waits for the exchanges on the stream.
  virtual ~RowTransport() = default;

  // Puts the sends and the receives on the stream as one piece of work, and returns without waiting
  // for it. Messages between two ranks match in the order in which their streams come to them, and
  // within a call in their order; both sides give the same number of bytes. Empty messages are left
  // out on both sides; a rank without messages need not call. A message to this rank itself goes
  // with one from itself.
  //
  // While the stream captures a graph, the exchange goes into the graph, and takes place at each of
  // its launches. Ranks that meet in a graph must have exchanged rows before the capture, because
  // their first exchange makes a connection.
  //
  // Whoever knows how often an exchange takes place counts it: Communicator::CountSent.
  virtual void Exchange(std::span<const RowMessage> send, std::span<const RowMessage> recv) = 0;

  // The work of the stream, for Communicator::Wait, so that the Watchdog knows that this rank waits
  // for others: complete when the stream is idle. Nobody may wait while the stream captures.
  virtual PendingWork& pending() = 0;

  // Gives up all exchanges. What the stream has of them ends, with any bytes; no exchange may
  // follow. Any thread may call it, such as one in a handler of fatal errors.
  virtual void Abort() = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_ROW_TRANSPORT_H_

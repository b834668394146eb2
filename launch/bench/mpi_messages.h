// MPI's own messages without octet's code around them: the bound for a Communicator.

#ifndef OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_
#define OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_

#include <absl/functional/function_ref.h>

#include <span>

#include "parallel/transport/communicator.h"

namespace octet {

// An all-to-all like a Communicator's, without its safety: sizes are known on both sides, no
// message is divided, and no rank watches the others. Collective.
using PlainExchange =
    absl::FunctionRef<void(std::span<const ConstBytes> send, std::span<const Bytes> recv)>;

// Collective. Exchanges messages between all ranks of the MPI job.
void ExchangeMpiMessages(std::span<const ConstBytes> send, std::span<const Bytes> recv);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_

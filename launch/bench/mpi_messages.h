// MPI's own messages, with nothing of ours around them: the bound of what a Communicator can do.

#ifndef OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_
#define OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_

#include <absl/functional/function_ref.h>

#include <span>

#include "parallel/transport/communicator.h"

namespace octet {

// An all-to-all as a Communicator's, but for what makes that one safe: sizes are known on both
// sides, no message is divided, nobody watches the others. Collective.
using PlainExchange =
    absl::FunctionRef<void(std::span<const ConstBytes> send, std::span<const Bytes> recv)>;

// Collective: all ranks of the MPI job.
void ExchangeMpiMessages(std::span<const ConstBytes> send, std::span<const Bytes> recv);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MPI_MESSAGES_H_

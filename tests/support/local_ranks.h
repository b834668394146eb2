// N ranks as threads of the test.

#ifndef OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_
#define OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

#include <functional>
#include <thread>
#include <vector>

#include "kernels/check.h"
#include "parallel/local_communicator.h"

namespace octet {

// Calls f once for each rank of a world of this size, all at the same time.
inline void RunLocalRanks(int size, const std::function<void(Communicator&)>& f) {
  LocalWorld world(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      SetThreadLabel("rank " + std::to_string(rank));
      LocalCommunicator comm(world, rank);
      f(comm);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

// N ranks as threads of the test.

#ifndef OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_
#define OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "kernels/check.h"
#include "parallel/local_communicator.h"

namespace octet {

// Calls f once for each rank of a world, all at the same time.
inline void RunLocalRanks(LocalWorld& world, const std::function<void(Communicator&)>& f) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world.size(); ++rank) {
    threads.emplace_back([&, rank] {
      SetThreadLabel("rank " + std::to_string(rank));
      LocalCommunicator comm(world, rank);
      f(comm);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

inline void RunLocalRanks(int size, const std::function<void(Communicator&)>& f) {
  LocalWorld world(size);
  RunLocalRanks(world, f);
}

// Ranks that think they are on these hosts.
inline void RunLocalRanks(const std::vector<std::string>& hosts,
                          const std::function<void(Communicator&)>& f) {
  LocalWorld world(hosts);
  RunLocalRanks(world, f);
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

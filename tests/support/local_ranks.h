// N ranks as threads of the test.

#ifndef OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_
#define OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "kernels/base/check.h"
#include "parallel/transport/local_communicator.h"

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

// So many hosts, each in turn the host of a rank.
inline std::vector<std::string> HostsInTurn(int num_ranks, int num_hosts) {
  std::vector<std::string> hosts;
  for (int r = 0; r < num_ranks; ++r) hosts.push_back("host" + std::to_string(r % num_hosts));
  return hosts;
}

// Ranks that think they are on these hosts.
inline void RunLocalRanks(const std::vector<std::string>& hosts,
                          const std::function<void(Communicator&)>& f) {
  LocalWorld world(hosts);
  RunLocalRanks(world, f);
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_LOCAL_RANKS_H_

// Run under mpirun by CTest: each rank runs every test.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "parallel/transport/collectives.h"
#include "parallel/transport/host_group.h"
#include "parallel/transport/world.h"
#include "tests/parallel/transport/communicator_conformance.h"

namespace octet {
namespace {

World* world = nullptr;

TEST(MpiCommunicatorTest, MessagesArrive) { CheckMessagesArrive(world->communicator()); }
TEST(MpiCommunicatorTest, LongMessagesArrive) { CheckLongMessagesArrive(world->communicator()); }
TEST(MpiCommunicatorTest, ExchangesOverlap) { CheckExchangesOverlap(world->communicator()); }
TEST(MpiCommunicatorTest, TrafficIsCounted) { CheckTrafficIsCounted(world->communicator()); }
TEST(MpiCommunicatorTest, Collectives) { CheckCollectives(world->communicator()); }
TEST(MpiCommunicatorTest, MessengerIsUsedAgain) {
  CheckMessengerIsUsedAgain(world->communicator());
}
TEST(MpiCommunicatorTest, Groups) { CheckGroups(world->communicator()); }
TEST(MpiCommunicatorTest, GroupsOfTheSameRanks) {
  CheckGroupsOfTheSameRanks(world->communicator());
}
TEST(MpiCommunicatorTest, Agreement) { CheckAgreement(world->communicator()); }

// In KiB, of this process's mapping of memory that a host's ranks share: its part of each page by
// how many have it.
int64_t ProportionalSetSize() {
  std::ifstream maps("/proc/self/smaps");
  int64_t size = 0;
  bool is_host_memory = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" kB") == std::string::npos) {
      is_host_memory = line.find("/memfd:octet") != std::string::npos;
    } else if (is_host_memory && line.starts_with("Pss:")) {
      size += std::stoll(line.substr(4));
    }
  }
  return size;
}

// Processes of one host have it once between them.
TEST(MpiHostMemoryTest, IsThereOnce) {
  constexpr size_t kBytes = size_t{32} << 20;
  Communicator& comm = world->communicator();
  const HostGroup host = FindHostGroup(comm);
  EXPECT_EQ(host.size(), comm.size());
  const auto memory = MapHostMemory(comm, host, kBytes);
  ASSERT_TRUE(memory.ok()) << memory.status();
  if (comm.rank() == 0) std::memset(memory->data(), 7, kBytes);
  AllGather(comm, {"written"}, "");
  EXPECT_EQ(std::count(memory->data(), memory->data() + kBytes, std::byte{7}), kBytes);
  AllGather(comm, {"read by all"}, "");
  int64_t sum = 0;
  for (const std::string& kib : AllGather(comm, {"pss"}, std::to_string(ProportionalSetSize()))) {
    sum += std::stoll(kib);
  }
  const double shared =
      comm.size() > 1 ? kBytes / 1024.0 : 0;  // a rank alone has memory of its own
  EXPECT_NEAR(static_cast<double>(sum), shared, 64);
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  octet::World world(&argc, &argv);
  octet::world = &world;
  // A world of one under mpirun would test nothing.
  if (argc > 1 && world.communicator().size() != std::stoi(argv[1])) return 1;
  return RUN_ALL_TESTS();
}

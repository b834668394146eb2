// Run under mpirun by CTest: each rank runs every test.

#include <gtest/gtest.h>

#include "parallel/world.h"
#include "tests/parallel/communicator_conformance.h"

namespace octet {
namespace {

World* world = nullptr;

TEST(MpiCommunicatorTest, MessagesArrive) { CheckMessagesArrive(world->communicator()); }
TEST(MpiCommunicatorTest, ExchangesOverlap) { CheckExchangesOverlap(world->communicator()); }
TEST(MpiCommunicatorTest, TrafficIsCounted) { CheckTrafficIsCounted(world->communicator()); }
TEST(MpiCommunicatorTest, Collectives) { CheckCollectives(world->communicator()); }
TEST(MpiCommunicatorTest, MessengerIsUsedAgain) {
  CheckMessengerIsUsedAgain(world->communicator());
}
TEST(MpiCommunicatorTest, Groups) { CheckGroups(world->communicator()); }
TEST(MpiCommunicatorTest, Agreement) { CheckAgreement(world->communicator()); }

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

#include "launch/setup/device_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int> Assign(const std::vector<std::vector<int>>& rank_nodes,
                        const std::vector<int>& device_nodes) {
  return AssignDevices(rank_nodes, device_nodes);
}

TEST(DeviceAssignmentTest, RanksTakeDevicesInTurn) {
  EXPECT_THAT(Assign({{}, {}, {}}, {-1, -1, -1}), ElementsAre(0, 1, 2));
  EXPECT_THAT(Assign({{0}, {0}, {0}, {0}, {0}}, {0, 0}), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(Assign({{0}}, {-1}), ElementsAre(0));
  EXPECT_THAT(Assign({}, {0}), IsEmpty());
}

TEST(DeviceAssignmentTest, TheNearestComesFirst) {
  EXPECT_THAT(Assign({{1}, {0}}, {0, 1}), ElementsAre(1, 0));
  EXPECT_THAT(Assign({{1}, {0}, {1}, {0}}, {0, 0, 1, 1}), ElementsAre(2, 0, 3, 1));
  EXPECT_THAT(Assign({{1}, {1}}, {0, 0, 1, 1}), ElementsAre(2, 3));
  EXPECT_THAT(Assign({{2, 3}}, {0, 1, 2, 3}), ElementsAre(2));
}

// A device that nobody has is better than one that is near.
TEST(DeviceAssignmentTest, RanksAreSpreadEvenly) {
  EXPECT_THAT(Assign({{0}, {0}, {0}}, {0, 1, 1}), ElementsAre(0, 1, 2));
  EXPECT_THAT(Assign({{0}, {0}, {1}}, {0, 1}), ElementsAre(0, 1, 1));
}

}  // namespace
}  // namespace octet

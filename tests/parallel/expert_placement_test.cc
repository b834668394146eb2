#include "parallel/expert_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ExpertPlacement, ContiguousSpreadsAnyNumberOfExperts) {
  const auto p = ExpertPlacement::Parse("contiguous", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(p->LocalExperts(0, 1), ElementsAre(3, 4, 5));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(6, 7));
}

TEST(ExpertPlacement, RoundRobinDealsExpertsOut) {
  const auto p = ExpertPlacement::Parse("round-robin", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 3, 6));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(2, 5));
}

TEST(ExpertPlacement, MoreRanksThanExpertsLeavesSomeWithout) {
  for (const char* spec : {"contiguous", "round-robin", "random:1"}) {
    const auto p = ExpertPlacement::Parse(spec, {2, 4, 12});
    int with_experts = 0;
    for (int r = 0; r < 12; ++r) with_experts += p->LocalExperts(1, r).empty() ? 0 : 1;
    EXPECT_EQ(with_experts, 4) << spec;
  }
}

TEST(ExpertPlacement, RandomIsBalancedAndDependsOnSeedAndLayer) {
  const auto a = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto again = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto b = ExpertPlacement::Parse("random:2", {2, 16, 4});
  for (int r = 0; r < 4; ++r) {
    EXPECT_EQ(a->LocalExperts(0, r).size(), 4U);
    EXPECT_EQ(a->LocalExperts(0, r), again->LocalExperts(0, r));
  }
  EXPECT_NE(a->LocalExperts(0, 0), b->LocalExperts(0, 0));
  EXPECT_NE(a->LocalExperts(0, 0), a->LocalExperts(1, 0));
}

TEST(ExpertPlacement, SaysWhatIsWrong) {
  const auto message = [](const char* spec) {
    return std::string(ExpertPlacement::Parse(spec, {1, 2, 3}).status().message());
  };
  EXPECT_THAT(message("diagonal"), HasSubstr("must be contiguous, round-robin or random:SEED"));
  for (const char* seed : {"random:", "random:x", "random:-1", "random: 1", "random:+1",
                           "random:0x1", "random:18446744073709551616"}) {
    EXPECT_THAT(message(seed), HasSubstr("must be a whole number from 0 to 18446744073709551615"))
        << seed;
  }
  EXPECT_TRUE(ExpertPlacement::Parse("random:18446744073709551615", {1, 2, 3}).ok());
}

TEST(ExpertPlacement, ManyRanksAndExpertsDontOverflow) {
  const auto p = ExpertPlacement::Parse("contiguous", {1, 50'000, 65'536});
  EXPECT_THAT(p->ranks(0, 49'999), ElementsAre(65'534));
}

}  // namespace
}  // namespace octet

#include "launch/setup/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/engine/answer_guide.h"
#include "runtime/io/file.h"
#include "tests/support/demo_model.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

HostMemory Host(const std::string& name, const std::vector<int>& ranks, int64_t bytes) {
  return {.name = name, .ranks = ranks, .available = {.bytes = bytes, .limited_by = "memory.max"}};
}

// The needs of a model with 1 GiB of replicated weights and 8 experts of 1 GiB.
MemoryNeeds Needs(const std::vector<int64_t>& experts) {
  return {.replicated = kGiB,
          .experts = experts,
          .workspace = 512 * kMiB,
          .page = kMiB,
          .least_pages = 100,
          .most_pages = 10000,
          .one_expert = kGiB,
          .one_of_each_layer = kGiB,
          .num_experts = 8};
}

std::string Message(const absl::StatusOr<MemoryPlan>& plan) {
  EXPECT_FALSE(plan.ok());
  return std::string(plan.status().message());
}

TEST(ParseMemory, SizesAndShares) {
  constexpr int64_t kMost = int64_t{4} << 40;
  EXPECT_EQ(*ParseMemory("12GiB", kMost), 12 * kGiB);
  EXPECT_EQ(*ParseMemory("500MB", kMost), 500'000'000);
  EXPECT_EQ(*ParseMemory("1.5GB", kMost), 1'500'000'000);
  EXPECT_EQ(*ParseMemory("2TiB", kMost), 2048 * kGiB);
  EXPECT_EQ(*ParseMemory("80%", 1000), 800);
  for (const char* bad : {"", "12", "GiB", "-1GiB", "0GiB", "101%", "1 GiB", "1gib", "1e3GB",
                          "1.2.3GB", "5TiB", "999999999999TiB"}) {
    EXPECT_THAT(std::string(ParseMemory(bad, kMost).status().message()), HasSubstr("--memory"))
        << bad;
  }
}

TEST(CountMemoryNeeds, HasRoomForMasksOfConstraints) {
  PosixFileSystem files;
  ModelFiles model = ModelFiles::Open(files, kDemoModel).value();
  EngineOptions options = {.dtype = DType::kF32, .max_model_len = 128};
  options.limits = {.max_num_seqs = 4, .max_num_batched_tokens = 64};
  const int64_t with = CountMemoryNeeds(model, options, {}).workspace;
  model.tokenizer = nullptr;
  const int64_t without = CountMemoryNeeds(model, options, {}).workspace;
  EXPECT_EQ(with - without, Constraints::PlannedBytes(model.config.vocab_size));
  EXPECT_GE(with - without, static_cast<int64_t>(Constraints::kMostBytes));
}

// What is left is the KV cache: replicated weights count once a host.
TEST(PlanMemory, DividesWhatAHostHasAmongItsRanks) {
  const auto plan = PlanMemory(Needs({4 * kGiB, 4 * kGiB}), {Host("a", {0, 1}, 20 * kGiB)}, "60%");
  ASSERT_TRUE(plan.ok()) << plan.status();
  // 12 - 1 - 8 - 2 * 0.5 = 2 GiB for two.
  EXPECT_THAT(plan->pages, ElementsAre(1024, 1024));
}

TEST(PlanMemory, HostsAreDivisionsOfTheirOwn) {
  const auto plan = PlanMemory(Needs({kGiB, 5 * kGiB, 2 * kGiB}),
                               {Host("a", {0, 2}, 10 * kGiB), Host("b", {1}, 30 * kGiB)}, "100%");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->pages, ElementsAre(2560, 10000, 2560));
  EXPECT_THAT(DescribePlan(*plan), HasSubstr("b: 30.00 GiB available (memory.max), 1.00 GiB of "
                                             "replicated weights\n  rank 1: experts 5.00 GiB, KV "
                                             "cache up to 9.77 GiB (320000 tokens)"));
}

TEST(PlanMemory, RequestsThatWaitAreOnRankZerosHost) {
  MemoryNeeds needs = Needs({kGiB, kGiB});
  needs.root = kGiB;
  const std::vector<HostMemory> hosts = {Host("a", {1}, 5 * kGiB), Host("b", {0}, 5 * kGiB)};
  const auto plan = PlanMemory(needs, hosts, "100%");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->pages, ElementsAre(1536, 2560));
  // 5 - 1 - 0.5 - 0.1 GiB for experts; a whole one less where requests wait.
  EXPECT_THAT(*RoomForExperts(needs, hosts, "100%", 2), ElementsAre(2, 3));
}

TEST(PlanMemory, SaysWhatIsMissingAndHowManyHostsWouldDo) {
  const std::string message =
      Message(PlanMemory(Needs({4 * kGiB, 4 * kGiB}),
                         {Host("big", {0}, 50 * kGiB), Host("small", {1}, 4 * kGiB)}, "100%"));
  EXPECT_THAT(message, HasSubstr("small has too little memory: 4.00 GiB may be used (--memory) of "
                                 "the 4.00 GiB that memory.max leaves"));
  EXPECT_THAT(message, HasSubstr("its 1 rank needs 5.60 GiB: 1.00 GiB for replicated weights, "
                                 "4.00 GiB for experts, 0.50 GiB for work space, 0.10 GiB"));
  // 1 + 2 + 0.5 + 0.1 GiB with two experts a host.
  EXPECT_THAT(message, HasSubstr("4 such hosts with one rank each would hold it"));
  EXPECT_THAT(Message(PlanMemory(Needs({8 * kGiB}), {Host("a", {0}, 2 * kGiB)}, "100%")),
              HasSubstr("no number of such hosts would hold it"));
}

TEST(GatherHostMemory, WhatStayedOfAnEarlierAttemptIsAvailable) {
  RunLocalRanks({"a", "b", "a"}, [](Communicator& comm) {
    MemoryFileSystem files;
    files.files["/proc/meminfo"] = "MemAvailable:    1024 kB\n";
    const int64_t kept = comm.rank() == 1 ? 0 : 5000;
    const auto hosts = GatherHostMemory(comm, kept, files);
    ASSERT_TRUE(hosts.ok()) << hosts.status();
    EXPECT_EQ((*hosts)[0].available.bytes, kMiB + 5000);
    EXPECT_EQ((*hosts)[1].available.bytes, kMiB);
  });
}

TEST(RoomForExperts, IsWhatIsLeftInTheGroupThatHasLeast) {
  // A rank of its own has (budget - 1) - 0.5 - 0.1 GiB.
  const auto rooms = [](const std::vector<HostMemory>& hosts, int group_size) {
    return *RoomForExperts(Needs({}), hosts, "100%", group_size);
  };
  EXPECT_THAT(rooms({Host("a", {0}, 10 * kGiB), Host("b", {1}, 4 * kGiB)}, 2), ElementsAre(8, 2));
  EXPECT_THAT(rooms({Host("a", {0, 1}, 11 * kGiB)}, 2), ElementsAre(4, 4));
  EXPECT_THAT(
      rooms({Host("a", {0, 1}, 11 * kGiB), Host("b", {2}, 3 * kGiB), Host("c", {3}, 20 * kGiB)}, 2),
      ElementsAre(1, 4));
  EXPECT_THAT(
      std::string(RoomForExperts(Needs({}), {Host("a", {0}, kGiB)}, "lots", 1).status().message()),
      HasSubstr("a: --memory 'lots'"));
}

// The hosts hold no whole expert of all layers.
TEST(PlanMemory, TheAdviceDealsOutExpertsOfEachLayer) {
  MemoryNeeds needs = Needs({8 * kGiB});
  needs.num_layers = 4;
  needs.one_expert = kGiB / 4;
  // 1 + 0.5 + 0.1 GiB, which leaves room for one of 32.
  EXPECT_THAT(Message(PlanMemory(needs, {Host("a", {0}, 2 * kGiB)}, "100%")),
              HasSubstr("32 such hosts with one rank each would hold it"));
  EXPECT_THAT(Message(PlanMemory(needs, {Host("a", {0}, 3 * kGiB)}, "100%")),
              HasSubstr("8 such hosts with one rank each would hold it"));
  EXPECT_THAT(Message(PlanMemory(needs, {Host("a", {0}, kGiB)}, "100%")),
              HasSubstr("no number of such hosts would hold it"));
}

// The largest expert is not that of each layer: files mix formats.
TEST(PlanMemory, TheAdviceAddsUpLayersOfDifferentSizes) {
  MemoryNeeds needs = Needs({8 * kGiB});
  needs.num_layers = 4;
  needs.one_expert = kGiB / 2;
  needs.one_of_each_layer = 5 * kGiB / 4;
  // 1 + 0.5 + 0.1 GiB, and two experts of each layer with 2.5 GiB; the largest ones would have 4.
  EXPECT_THAT(Message(PlanMemory(needs, {Host("a", {0}, 42 * kGiB / 10)}, "100%")),
              HasSubstr("4 such hosts with one rank each would hold it"));
}

TEST(PlanMemory, TheSettingLimitsToo) {
  EXPECT_THAT(Message(PlanMemory(Needs({kGiB}), {Host("a", {0}, 50 * kGiB)}, "2GiB")),
              HasSubstr("a has too little memory: 2.00 GiB may be used"));
  MemoryNeeds needs = Needs({kGiB});
  needs.most_pages = 99;
  EXPECT_THAT(Message(PlanMemory(needs, {Host("a", {0}, 50 * kGiB)}, "90%")),
              HasSubstr("--kv-cache-gib is too small"));
  EXPECT_THAT(Message(PlanMemory(Needs({kGiB}), {Host("a", {0}, 50 * kGiB)}, "lots")),
              HasSubstr("--memory 'lots'"));
}

}  // namespace
}  // namespace octet

// Profiles of machines, which two commands write and predictions read.

#include "launch/bench/machine_profile.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_file_system.h"
#include "tests/support/json.h"
#include "tests/support/layer_profile.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;

MachineProfile Kernels() {
  MachineProfile profile;
  KernelProfile& kernels = *profile.mutable_kernels();
  kernels.set_host("7");
  kernels.set_cpu_model("AMD EPYC");
  kernels.set_cores(2);
  kernels.set_dram_copy_bytes_per_second(1e10 / 3);
  kernels.mutable_caches()->set_l3_bytes(int64_t{1} << 33);
  DramRate& dram = *kernels.add_dram();
  dram.set_streams(4);
  dram.set_bytes_per_second(31.25e9);
  KernelTime& time = *kernels.add_times();
  time.set_kernel("matmul");
  time.set_seconds(0.1);
  time.set_bound_seconds(0.07);
  return profile;
}

MachineProfile Exchange() {
  MachineProfile profile;
  ExchangeProfile& exchange = *profile.mutable_exchange();
  exchange.set_ranks(2);
  exchange.add_hosts("a");
  exchange.add_hosts("8");
  MessageTime& message = *exchange.add_messages();
  message.set_same_host(true);
  message.set_message_bytes(1024);
  message.set_seconds(1e-6);
  message.set_bytes_per_second(1.024e9);
  MoeExchangeTime& moe = *exchange.add_moe();
  moe.set_tokens_per_rank(64);
  moe.set_placement("123");  // the name of a file
  return profile;
}

MachineProfile Both() {
  MachineProfile profile = Kernels();
  profile.MergeFrom(Exchange());
  return profile;
}

class MachineProfileTest : public testing::TestWithParam<const char*> {
 protected:
  MemoryFileSystem files_;

  void ExpectHolds(const MachineProfile& expected) {
    const absl::StatusOr<MachineProfile> read = ReadMachineProfile(files_, GetParam());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(MessageDifferencer::Equals(*read, expected)) << read->DebugString();
  }
};

TEST_P(MachineProfileTest, EachCommandKeepsTheOthersPart) {
  const std::string path = GetParam();
  ASSERT_TRUE(UpdateMachineProfile(files_, path, Kernels()).ok());
  ExpectHolds(Kernels());
  ASSERT_TRUE(UpdateMachineProfile(files_, path, Exchange()).ok());
  ExpectHolds(Both());

  MachineProfile faster = Kernels();
  faster.mutable_kernels()->mutable_dram(0)->set_bytes_per_second(4e11);
  ASSERT_TRUE(UpdateMachineProfile(files_, path, faster).ok());
  faster.MergeFrom(Exchange());
  ExpectHolds(faster);
}

TEST_P(MachineProfileTest, TimesOfALayerAreReplacedOrKept) {
  const auto update = [&](double seconds, OldLayerTimes old_times) {
    MachineProfile fresh;
    *fresh.add_layers() = LinearProfile(seconds);
    *fresh.add_layers() = LinearProfile(seconds, 2);
    ASSERT_TRUE(UpdateMachineProfile(files_, GetParam(), fresh, old_times).ok());
  };
  const auto expect_all = [&](double first, double last, int times) {
    const absl::StatusOr<MachineProfile> profile = ReadMachineProfile(files_, GetParam());
    ASSERT_TRUE(profile.ok()) << profile.status();
    ASSERT_EQ(profile->layers_size(), 2);
    for (const LayerProfile& layer : profile->layers()) {
      const int parts = LinearProfile(1).parts_size();
      ASSERT_EQ(layer.parts_size(), times * parts);
      EXPECT_EQ(layer.parts(0).seconds(), first);
      EXPECT_EQ(layer.parts((times - 1) * parts).seconds(), last);
    }
  };
  update(1, OldLayerTimes::kKeep);
  expect_all(1, 1, 1);
  update(2, OldLayerTimes::kKeep);
  expect_all(1, 2, 2);
  update(3, OldLayerTimes::kReplace);
  expect_all(3, 3, 1);
}

INSTANTIATE_TEST_SUITE_P(Forms, MachineProfileTest, testing::Values("dir/m.json", "dir/m.txt"));

TEST(MachineProfile, JsonHasNumbersAndNames) {
  MemoryFileSystem files;
  ASSERT_TRUE(UpdateMachineProfile(files, "m.json", Both()).ok());
  const nlohmann::json json = ParseJson(files.files["m.json"]);
  EXPECT_EQ(json["kernels"]["caches"]["l3_bytes"], int64_t{1} << 33);
  EXPECT_EQ(json["kernels"]["host"], "7");
  EXPECT_EQ(json["exchange"]["hosts"][1], "8");
}

TEST(MachineProfile, ErrorsNameTheFileAndTheField) {
  MemoryFileSystem files;
  const auto expect_refused = [&](const std::string& path, const std::string& text,
                                  const std::string& reason) {
    files.files[path] = text;
    const absl::Status read = ReadMachineProfile(files, path).status();
    EXPECT_THAT(std::string(read.message()), AllOf(HasSubstr(path), HasSubstr(reason))) << text;
    // What can't be read is not overwritten.
    EXPECT_EQ(CheckCanUpdate(files, path).message(), read.message());
    EXPECT_EQ(UpdateMachineProfile(files, path, Exchange()).message(), read.message());
    EXPECT_EQ(files.files[path], text);
  };
  expect_refused("m.txt", "kernels {\n  cors: 2\n}", "m.txt:2:7: ");
  expect_refused("m.txt", "kernels {\n  cors: 2\n}", "cors");
  expect_refused("m.txt", "kernels { cores: -2 }", "m.txt: kernels.cores is -2");
  expect_refused("m.txt", "kernels { dram_copy_bytes_per_second: 1 dram { streams: 4 } }",
                 "kernels.dram[0].bytes_per_second is 0, and must be positive");
  expect_refused("m.txt", "exchange { messages { seconds: nan } }",
                 "exchange.messages[0].seconds is nan");
  expect_refused("m.json", R"({"exchange": {"rank": 2}})", "rank: Cannot find field");
  expect_refused("m.json", R"({"exchange": )", "m.json: ");
  EXPECT_THAT(std::string(ReadMachineProfile(files, "none").status().message()), HasSubstr("none"));
}

TEST(MachineProfile, WhatCannotBeWrittenIsKnownBefore) {
  MemoryFileSystem memory;
  EXPECT_TRUE(CheckCanUpdate(memory, "m.txt").ok());
  EXPECT_TRUE(memory.files.empty());
  ASSERT_TRUE(UpdateMachineProfile(memory, "m.txt", Kernels()).ok());
  const auto before = memory.files;
  EXPECT_TRUE(CheckCanUpdate(memory, "m.txt").ok());
  EXPECT_EQ(memory.files, before);

  FaultyFileSystem faulty(memory);
  faulty.fail_at = 0;
  EXPECT_THAT(std::string(CheckCanUpdate(faulty, "new.txt").message()),
              AllOf(HasSubstr("new.txt"), HasSubstr("disk on fire")));
}

}  // namespace
}  // namespace octet

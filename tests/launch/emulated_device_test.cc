// The whole program with --device cuda, on a device that this machine's processor emulates
// (tests/cuda_emu): it does what --device cpu does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr char kBasic[] = OCTET_SOURCE_DIR "/tests/golden/hf/basic";
constexpr char kBfloat16[] = OCTET_SOURCE_DIR "/tests/golden/hf/sharded_bf16";

// Greedy and sampled, of different lengths, some with log-probabilities.
std::string Requests() {
  std::string lines;
  for (int id = 0; id < 5; ++id) {
    std::string prompt = "1";
    for (int i = 1; i < 2 + 4 * id; ++i) prompt += ", " + std::to_string((i * 37 + id) % 500);
    lines += R"({"custom_id": "r)" + std::to_string(id) +
             R"(", "url": "/v1/completions", "body": {"prompt": [)" + prompt +
             R"(], "max_tokens": )" + std::to_string(3 + id) +
             (id == 3 ? R"(, "logprobs": 2)" : "") +
             R"(, "return_token_ids": true, "ignore_eos": true, )" + R"("temperature": )" +
             (id % 2 == 0 ? "0" : "0.8") + "}}\n";
  }
  return lines;
}

// The token ids of each answer.
std::vector<std::vector<int32_t>> Tokens(const std::string& output) {
  std::vector<std::vector<int32_t>> tokens;
  for (const auto& line : ParseLines(output)) {
    tokens.push_back(line["response"]["body"]["choices"][0]["token_ids"]);
  }
  return tokens;
}

class EmulatedDeviceTest : public testing::TestWithParam<const char*> {
 protected:
  EmulatedDeviceTest() { WriteFile(directory_ + "/in.jsonl", Requests()); }

  ProcessResult Try(int ranks, const std::string& flags, const std::string& before = "") const {
    // Ranks share the device where rows go through memory of the host, and have their own
    // otherwise.
    const bool own = flags.find("--row-transport nccl") != std::string::npos;
    return RunShell(before + kIgnoreLeaks +
                    "OCTET_EMULATED_DEVICES=" + std::to_string(own ? ranks : 1) +
                    " OCTET_BIN=" OCTET_EMULATED_PROGRAM " " OCTET_SOURCE_DIR "/launch/run.sh -n " +
                    std::to_string(ranks) + " run-batch --threads 1 --model " + GetParam() +
                    " -i " + directory_ + "/in.jsonl -o " + directory_ + "/out.jsonl " + flags);
  }
  std::string Run(int ranks, const std::string& flags) const {
    const ProcessResult result = Try(ranks, flags + " --overwrite");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    said_ = result.output;
    return ReadFile(directory_ + "/out.jsonl");
  }

  const std::string directory_ = TestDirectory();
  mutable std::string said_;
};

TEST_P(EmulatedDeviceTest, TokensAreThoseOfTheProcessorInFloat32) {
  const std::string cuda = Run(1, "--device cuda --dtype float32");
  EXPECT_THAT(said_, HasSubstr("/float32/cuda_sm80+"));
  EXPECT_THAT(Tokens(cuda), SizeIs(5));
  EXPECT_EQ(Tokens(cuda), Tokens(Run(1, "--device cpu --dtype float32")));
}

TEST_P(EmulatedDeviceTest, TheSameBytesForEveryVariant) {
  const std::string expected = Run(1, "--device cuda");
  const struct {
    int ranks;
    const char* flags;
  } variants[] = {
      {1, "--max-num-batched-tokens 5"},
      {1, "--row-transport mpi --speculate 3"},
      {2, "--row-transport nccl --speculate 6"},
      {2, "--placement round-robin --max-num-seqs 2"},
      {2, "--row-transport nccl"},
      {2, "--row-transport nccl --replicas 3 --rebalance-every 2 --spare-experts 4"},
      {3, "--placement random:1 --max-num-batched-tokens 9 --overlap on"},
      {3, "--placement random:2 --max-num-batched-tokens 7 --overlap on --row-transport nccl"},
      {4, "--ep-size 2 --placement round-robin --row-transport nccl"},
  };
  for (const auto& [ranks, flags] : variants) {
    EXPECT_EQ(Run(ranks, std::string("--device cuda ") + flags), expected) << flags;
  }
}

// Pages are shared, and parts of pages are copied on the device.
TEST_P(EmulatedDeviceTest, TheSameBytesWithAPrefixCache) {
  std::string prompt = "1";
  for (int i = 1; i < 75; ++i) prompt += ", " + std::to_string(i * 37 % 500);
  std::string lines;
  for (int id = 0; id < 3; ++id) {
    lines += R"({"custom_id": ")" + std::to_string(id) +
             R"(", "url": "/v1/completions", "body": {"prompt": [)" + prompt + ", " +
             std::to_string(9 + id) + R"(], "n": 2, "max_tokens": 4, "ignore_eos": true}})" + "\n";
  }
  WriteFile(directory_ + "/in.jsonl", lines);
  const std::string report = " --report " + directory_;
  const std::string expected = Run(1, "--device cuda --prefix-cache off");
  for (const int ranks : {1, 2}) {
    EXPECT_EQ(Run(ranks, "--device cuda --max-num-seqs 8" + report), expected) << ranks;
    const auto summary = ParseJson(ReadFile(directory_ + "/summary.json"));
    EXPECT_EQ(summary["prefix_cache_queries"], 6 * 76);
    EXPECT_GE(summary["prefix_cache_hits"], ranks == 1 ? 5 * 75 - 2 : 4 * 74) << ranks;
  }
}

TEST_P(EmulatedDeviceTest, SettingsThatCannotBeAreRefused) {
  const struct {
    int ranks;
    const char* flags;
    const char* says;
  } cases[] = {
      {1, "--row-transport nccl", "--row-transport nccl has no effect without --device cuda"},
      {1, "--device cuda --row-transport ether", "must be auto, nccl or mpi"},
      {1, "--device cuda --pack-cache x", "--pack-cache has no effect with --device cuda"},
      {1, "--device cuda --row-transport nccl --trace t.zst", "need --row-transport mpi"},
  };
  for (const auto& [ranks, flags, says] : cases) {
    const ProcessResult result = Try(ranks, std::string(flags) + " --overwrite");
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, HasSubstr(says));
  }
  const ProcessResult crowded = RunShell(
      std::string(kIgnoreLeaks) +
      "OCTET_EMULATED_DEVICES=1 OCTET_BIN=" OCTET_EMULATED_PROGRAM " " OCTET_SOURCE_DIR
      "/launch/run.sh -n 2 run-batch --device cuda --row-transport nccl "
      "--threads 1 --model " +
      GetParam() + " -i " + directory_ + "/in.jsonl -o " + directory_ + "/out.jsonl --overwrite");
  EXPECT_EQ(crowded.exit_code, 2);
  EXPECT_THAT(crowded.output, HasSubstr("--row-transport mpi"));
}

TEST_P(EmulatedDeviceTest, AKilledJobResumes) {
  const std::string expected = Run(1, "--device cuda");
  const ProcessResult killed = Try(2, "--device cuda --max-num-seqs 2 --overwrite",
                                   "OCTET_FAULT=rank=1,phase=experts,count=15,signal=KILL ");
  EXPECT_NE(killed.exit_code, 0);
  EXPECT_THAT(killed.output, HasSubstr("OCTET_FAULT"));
  const ProcessResult resumed = Try(
      3, "--device cuda --placement round-robin --row-transport nccl --max-num-seqs 2 --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_EQ(ReadFile(directory_ + "/out.jsonl"), expected);
}

INSTANTIATE_TEST_SUITE_P(Models, EmulatedDeviceTest, testing::Values(kBasic, kBfloat16),
                         [](const testing::TestParamInfo<const char*>& test) {
                           return std::string(test.param == kBasic ? "basic" : "sharded_bf16");
                         });

}  // namespace
}  // namespace octet

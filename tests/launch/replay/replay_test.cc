// octet bench layer and octet replay: what is predicted for other ranks and placements is what runs
// on them count.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kJob[] =
    "--num-prompts 9 --input-len 40 --output-len 6 --max-num-seqs 6 --max-num-batched-tokens 100 "
    "--threads 1 ";

class ReplayTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();

  std::string File(const std::string& name) const { return directory_ + "/" + name; }

  std::string Run(int ranks, const std::string& arguments) const {
    const ProcessResult result = RunOctet(ranks, arguments);
    EXPECT_EQ(result.exit_code, 0) << arguments << "\n" << result.output;
    return result.output;
  }

  // Records a run of the benchmark.
  void Record(int ranks, const std::string& trace, const std::string& flags) const {
    Run(ranks, absl::StrCat("bench throughput --model ", kDemoModel, " ", kJob, flags, " --trace ",
                            File(trace)));
  }

  json Stats(const std::string& trace) const {
    Run(0, absl::StrCat("trace stats ", File(trace), " --output-json ", File("stats.json")));
    return ParseJson(ReadFile(File("stats.json")));
  }

  void Measure(int ranks) const {
    Run(ranks,
        absl::StrCat("bench layer --model ", kDemoModel, " --threads 1 --sequences 8 --rows ",
                     "64 --context 64 --save ", File("node.txt")));
  }

  void WriteCluster(int ranks) const {
    WriteFile(File("cluster.txt"),
              absl::StrCat("hosts { ranks: ", ranks, " profile: 'node.txt' }\n",
                           "same_host { latency_seconds: 1e-6 bytes_per_second: 1e10 }\n"));
  }

  // flags: also the limits of steps, if they are not those of the recorded job.
  json Replay(const std::string& trace, const std::string& flags) const {
    const bool has_limits = flags.find("--max-num-seqs") != std::string::npos;
    Run(0, absl::StrCat("replay --trace ", File(trace), " --cluster ", File("cluster.txt"),
                        has_limits ? " " : " --max-num-seqs 6 --max-num-batched-tokens 100 ",
                        "--output-json ", File("replay.json"), " ", flags));
    return ParseJson(ReadFile(File("replay.json")));
  }
};

std::map<std::string, int64_t> InPlace(const json& replay) {
  std::map<std::string, int64_t> bytes;
  for (const json& traffic : replay["traffic"]) {
    bytes[traffic["kind"]] = traffic["bytes_in_place"];
  }
  return bytes;
}

int64_t Sum(const json& numbers) {
  int64_t sum = 0;
  for (const json& number : numbers) sum += number.get<int64_t>();
  return sum;
}

TEST_F(ReplayTest, StepsAndBytesAreThoseOfARunOnOtherRanks) {
  Record(1, "one.zst", "--routing zipf:1");
  Measure(1);
  const std::vector<std::pair<int, std::string>> runs = {
      {2, "--placement random:3"}, {3, "--placement round-robin --replicas 2"}, {4, "--ep-size 2"}};
  for (const auto& [ranks, flags] : runs) {
    Record(ranks, absl::StrCat("of", ranks, ".zst"), "--routing zipf:1 " + flags);
    const json recorded = Stats(absl::StrCat("of", ranks, ".zst"));
    WriteCluster(ranks);
    const json replayed = Replay("one.zst", "--recorded " + flags);
    EXPECT_EQ(replayed["prefill"]["steps"].get<int>() + replayed["decode"]["steps"].get<int>(),
              recorded["steps"])
        << flags;
    EXPECT_TRUE(recorded["traffic"]["is_as_counted"]);
    auto in_place = InPlace(replayed);
    EXPECT_EQ(in_place["dispatch"] + in_place["combine"], recorded["traffic"]["bytes_in_place"])
        << flags;
    EXPECT_EQ(in_place["dispatch"], Sum(recorded["traffic"]["dispatch_bytes"])) << flags;
    EXPECT_EQ(replayed["memory"].size(), static_cast<size_t>(ranks));
  }
}

TEST_F(ReplayTest, PredictsTimesAndMemoryFromTheProfileAlone) {
  Record(1, "one.zst", "");
  Measure(2);
  Measure(1);
  WriteCluster(2);
  const json replay = Replay("one.zst", "--point here --copies 3");
  EXPECT_EQ(replay["point"], "here");
  for (const char* phase : {"prefill", "decode"}) {
    double sum = 0;
    for (const json& time : replay[phase]["times"]) sum += time["seconds"].get<double>();
    EXPECT_GT(sum, 0);
    EXPECT_NEAR(sum, replay[phase]["seconds"].get<double>(), 1e-9 + 1e-6 * sum);
  }
  // 3 layers with 4 of the 8 experts: 3 matrices of 512 x 256 in bfloat16.
  EXPECT_EQ(replay["memory"][1]["expert_weight_bytes"], 3 * 4 * 3 * 512 * 256 * 2);
  EXPECT_TRUE(replay["notes"].empty());
  EXPECT_THAT(replay["answer"].get<std::string>(), HasSubstr("2 ranks on 1 host, contiguous"));
}

TEST_F(ReplayTest, ComparesClustersRanksAndGroups) {
  Record(1, "one.zst", "");
  Measure(1);
  WriteFile(File("a.txt"),
            "hosts { ranks: 2 profile: 'node.txt' }\n"
            "same_host { latency_seconds: 1e-6 bytes_per_second: 1e10 }\n"
            "network { latency_seconds: 1e-5 bytes_per_second: 1e9 }\n");
  WriteFile(File("b.txt"),
            "hosts { profile: 'node.txt' memory_gib: 0.02 }\n"
            "network { latency_seconds: 1e-5 bytes_per_second: 1e9 }\n");
  const std::string text =
      Run(0, absl::StrCat("replay --trace ", File("one.zst"), " --compare --cluster ",
                          File("a.txt"), " --cluster ", File("b.txt"),
                          " --ranks 2,4 --max-num-seqs 2 --output-json ", File("compare.json")));
  const json comparison = ParseJson(ReadFile(File("compare.json")));
  EXPECT_THAT(text, testing::StartsWith(comparison["answer"].get<std::string>()));
  std::vector<std::vector<int>> choices;
  for (const json& c : comparison["choices"]) {
    choices.push_back({c["ranks"], c["hosts"], c["ep_size"], c["max_num_seqs"]});
    EXPECT_EQ(c["refusal"].get<std::string>().empty(), c["tokens_per_s"].get<double>() > 0) << c;
  }
  const std::vector<std::vector<int>> expected = {
      {2, 1, 2, 4}, {2, 1, 1, 2}, {4, 2, 4, 8}, {4, 2, 2, 4}, {4, 2, 1, 2},
      {2, 2, 2, 4}, {2, 2, 1, 2}, {4, 4, 4, 8}, {4, 4, 2, 4}, {4, 4, 1, 2}};
  EXPECT_EQ(choices, expected);
  // All experts of the model need 18 MiB, and a rank of b.txt has 18 for all it holds.
  EXPECT_THAT(comparison["choices"][6]["refusal"].get<std::string>(), HasSubstr("host 0 lacks"));
  EXPECT_EQ(comparison["choices"][5]["refusal"], "");
  EXPECT_GT(comparison["choices"][5]["usable_bytes"], comparison["choices"][5]["rank_bytes"]);
}

TEST_F(ReplayTest, GroupsOfAllSizesHaveTheSameTokensOfARankByDefault) {
  Record(1, "one.zst", "");
  Measure(1);
  WriteCluster(4);
  const json comparison = Replay("one.zst", "--compare --max-num-seqs 2");
  EXPECT_EQ(comparison["choices"].size(), 3U);
  for (const json& c : comparison["choices"]) {
    EXPECT_EQ(c["max_num_batched_tokens"], 256 * c["ep_size"].get<int>()) << c;
  }
}

// The model has 8 experts: groups of the hosts with 9 ranks would leave a rank without any.
TEST_F(ReplayTest, ComparesGroupsOfEachKindOfHost) {
  Record(1, "one.zst", "");
  Measure(1);
  WriteFile(File("cluster.txt"),
            "hosts { count: 2 ranks: 3 profile: 'node.txt' }\n"
            "hosts { count: 2 ranks: 6 profile: 'node.txt' }\n"
            "hosts { count: 2 ranks: 9 profile: 'node.txt' }\n"
            "same_host { latency_seconds: 1e-6 bytes_per_second: 1e10 }\n"
            "network { latency_seconds: 1e-5 bytes_per_second: 1e9 }\n");
  std::vector<int> sizes;
  const json comparison = Replay("one.zst", "--compare --max-num-seqs 2 --steps 1");
  for (const json& c : comparison["choices"]) sizes.push_back(c["ep_size"]);
  EXPECT_EQ(sizes, (std::vector<int>{36, 6, 4, 3, 2, 1}));
}

// A row of the comparison is what the flags that it names give.
TEST_F(ReplayTest, ChoicesAreReplaysOfTheirFlags) {
  Record(1, "one.zst", "");
  Measure(1);
  WriteCluster(4);
  Replay("one.zst", "--compare --max-num-seqs 2 --max-num-batched-tokens 40");
  const json choice = ParseJson(ReadFile(File("replay.json")))["choices"][1];
  EXPECT_EQ(choice["ep_size"], 2);
  const json replay =
      Replay("one.zst",
             absl::StrCat("--ep-size 2 --max-num-seqs ", choice["max_num_seqs"].dump(),
                          " --max-num-batched-tokens ", choice["max_num_batched_tokens"].dump()));
  const double seconds =
      replay["prefill"]["seconds"].get<double>() + replay["decode"]["seconds"].get<double>();
  EXPECT_DOUBLE_EQ(choice["seconds"], seconds);
}

TEST_F(ReplayTest, SaysWhatIsMissing) {
  Record(1, "one.zst", "");
  WriteCluster(2);
  const auto error = [&](const std::string& flags) {
    const ProcessResult result =
        RunOctet(0, absl::StrCat("replay --trace ", File("one.zst"), " --cluster ",
                                 File("cluster.txt"), " ", flags));
    EXPECT_EQ(result.exit_code, 2) << result.output;
    return result.output;
  };
  EXPECT_THAT(error(""), HasSubstr("node.txt"));
  Measure(1);
  EXPECT_THAT(error("--ep-size 3"), HasSubstr("2 ranks can't be divided"));
  EXPECT_THAT(error("--expert-parallel off --ep-size 2"), HasSubstr("contradicts --ep-size 2"));
  EXPECT_THAT(error("--ranks 2,4"), HasSubstr("need --compare"));
  EXPECT_THAT(error("--compare --point x"), HasSubstr("--point names one replay"));
  EXPECT_THAT(error("--home affinity:x"), HasSubstr("--home must be"));
  WriteFile(File("cluster.txt"), "hosts { ranks: 2 profile: 'node.txt' }");
  EXPECT_THAT(error(""), HasSubstr("same_host is not given"));
  WriteFile(File("cluster.txt"), "hosts { profile: 'node.txt' memory_gib: 0.01 }");
  EXPECT_THAT(error(""), HasSubstr("host 0 lacks"));
  WriteFile(File("cluster.txt"), "hosts { threads: 7 profile: 'node.txt' }");
  EXPECT_THAT(error(""), HasSubstr("on 7 threads"));
  WriteFile(File("cluster.txt"), "hosts { rank: 2 }");
  EXPECT_THAT(error(""), HasSubstr("cluster.txt:1:"));
}

}  // namespace
}  // namespace octet

// What a user of --trace and octet trace meets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int kRequests = 6;

std::string Requests() {
  std::string lines;
  for (int i = 0; i < kRequests; ++i) {
    const json body = {{"prompt", std::string(1 + 20 * i, 'a')},
                       {"max_tokens", 4 + i},
                       {"ignore_eos", true},
                       {"n", 1 + i % 2}};
    lines +=
        json{{"custom_id", std::to_string(i)}, {"url", "/v1/completions"}, {"body", body}}.dump() +
        "\n";
  }
  return lines;
}

class TraceTest : public testing::Test {
 protected:
  void SetUp() override { WriteFile(directory_ + "/in.jsonl", Requests()); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  ProcessResult RunBatch(int ranks, const std::string& flags) {
    return RunOctet(ranks, std::string("run-batch --model ") + kDemoModel + " -i " +
                               Path("in.jsonl") + " -o " + Path("out.jsonl") + " " + flags);
  }

  std::string Octet(const std::string& arguments, int exit_code = 0) {
    const ProcessResult result = RunOctet(0, arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    return result.output;
  }

  // The experts and gate weights of all tokens, as exported.
  std::string Tokens(const std::string& trace) {
    Octet("trace export " + Path(trace) + " --npy " + Path("x.npy"));
    return ReadFile(Path("x.npy")) + ReadFile(Path("x_weights.npy")) +
           ReadFile(Path("x_answers.csv"));
  }

  const std::string directory_ = TestDirectory();
};

TEST_F(TraceTest, AnswersAndRoutingAreTheSameBytesOnAnyRanks) {
  ASSERT_EQ(RunBatch(0, "").exit_code, 0);
  const std::string answers = ReadFile(Path("out.jsonl"));
  ASSERT_EQ(RunBatch(0, "--overwrite --trace " + Path("a.zst")).exit_code, 0);
  EXPECT_EQ(ReadFile(Path("out.jsonl")), answers);
  const std::string tokens = Tokens("a.zst");
  for (const char* flags :
       {"--placement random:3 --max-num-batched-tokens 32",
        "--placement round-robin --max-model-len 160 --kv-cache-gib 0.0003 --overlap on"}) {
    std::filesystem::remove(Path("b.zst"));
    const ProcessResult result =
        RunBatch(3, std::string("--overwrite --trace ") + Path("b.zst ") + flags);
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(ReadFile(Path("out.jsonl")), answers);
    EXPECT_EQ(Tokens("b.zst"), tokens) << flags;
    EXPECT_THAT(Octet("trace stats " + Path("b.zst")), HasSubstr("; as counted"));
  }
}

// After every answer that a process killed on purpose had finished.
TEST_F(TraceTest, AResumedJobHasAllTokens) {
  ASSERT_EQ(RunBatch(0, "--trace " + Path("whole.zst")).exit_code, 0);
  const std::string tokens = Tokens("whole.zst");
  for (const int step : {3, 6, 8}) {
    for (const char* name : {"out.jsonl", "t.zst"}) std::filesystem::remove(Path(name));
    std::filesystem::remove_all(Path("out.jsonl.journal"));
    const std::string flags = "--max-num-seqs 2 --trace " + Path("t.zst");
    const ProcessResult killed =
        RunShell("OCTET_FAULT=rank=0,phase=schedule,count=" + std::to_string(step) +
                 ",signal=KILL " + OctetCommand(2) + " run-batch --model " + kDemoModel + " -i " +
                 Path("in.jsonl") + " -o " + Path("out.jsonl") + " " + flags);
    ASSERT_NE(killed.exit_code, 0) << killed.output;
    const ProcessResult result = RunBatch(3, "--resume --trace " + Path("t.zst"));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(Tokens("t.zst"), tokens) << "killed in step " << step;
    EXPECT_THAT(Octet("trace stats " + Path("t.zst")), HasSubstr("2 attempts"));
  }
}

TEST_F(TraceTest, ATraceThatIsThereIsKept) {
  WriteFile(Path("t.zst"), "precious");
  const ProcessResult refused = RunBatch(2, "--trace " + Path("t.zst"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("t.zst: is there already"));
  EXPECT_EQ(ReadFile(Path("t.zst")), "precious");
  EXPECT_FALSE(std::filesystem::exists(Path("out.jsonl.journal")));
  ASSERT_EQ(RunBatch(0, "--overwrite --trace " + Path("t.zst")).exit_code, 0);
  EXPECT_THAT(Octet("trace stats " + Path("t.zst")), HasSubstr("1 attempt;"));
  // Started again, the job is complete, and its trace as well.
  const std::string trace = ReadFile(Path("t.zst"));
  const ProcessResult again = RunBatch(0, "--trace " + Path("t.zst"));
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("nothing is left to compute"));
  EXPECT_EQ(ReadFile(Path("t.zst")), trace);
}

TEST_F(TraceTest, RefusedFiles) {
  const auto refusal = [&](const std::string& flags) {
    const ProcessResult result = RunBatch(0, flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_FALSE(std::filesystem::exists(Path("out.jsonl.journal")));
    return result.output;
  };
  EXPECT_THAT(refusal("--trace " + Path("t.bin")), HasSubstr("must end in .zst"));
  EXPECT_THAT(refusal("--trace /nowhere/t.zst"), HasSubstr("there is no directory /nowhere"));
  EXPECT_THAT(refusal("--overwrite --trace " + Path("in.jsonl")),
              HasSubstr("--trace would overwrite --input"));
  EXPECT_THAT(refusal("--overwrite --trace " + Path("out.jsonl")),
              HasSubstr("--trace and --output are the same file"));
}

TEST_F(TraceTest, ATraceThatCantBeWrittenEndsTheJob) {
  const ProcessResult result =
      RunShell("ulimit -f 1; " + OctetCommand(0) + " run-batch --model " + kDemoModel + " -i " +
               Path("in.jsonl") + " -o /dev/null --overwrite --trace " + Path("t.zst"));
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("--trace " + Path("t.zst") + ": "));
}

TEST_F(TraceTest, NumpyReadsWhatIsExported) {
  if (RunShell("/usr/bin/python3 -c \"import numpy\"").exit_code != 0)
    GTEST_SKIP() << "numpy is missing";
  ASSERT_EQ(RunBatch(2, "--trace " + Path("t.zst")).exit_code, 0);
  Octet("trace export " + Path("t.zst") + " --npy " + Path("x.npy") + " --csv " + Path("x.csv"));
  WriteFile(Path("check.py"), R"(
import csv, sys
import numpy as np
experts, weights = np.load("x.npy"), np.load("x_weights.npy")
answers = np.genfromtxt("x_answers.csv", delimiter=",", names=True, dtype=int)
assert experts.dtype == np.int16 and weights.dtype == np.float16
assert experts.shape == weights.shape == (answers["tokens"].sum(), 3, 2), experts.shape
assert (np.abs(weights.astype(float).sum(axis=2) - 1) < 1e-3).all()
assert len(answers) == 9
rows = list(csv.DictReader(open("x.csv")))
assert len(rows) == experts.shape[0] * 3
for i, row in enumerate(rows):
    token, layer = divmod(i, 3)
    assert int(row["layer"]) == layer
    assert [int(row["expert_0"]), int(row["expert_1"])] == experts[token, layer].tolist()
    assert abs(float(row["weight_1"]) - float(weights[token, layer, 1])) < 1e-3
print("right")
)");
  const ProcessResult result = RunShell("cd " + directory_ + " && /usr/bin/python3 check.py");
  EXPECT_THAT(result.output, HasSubstr("right"));
}

// The same array as that of an export, on any ranks.
TEST_F(TraceTest, ResultsHaveRoutedExpertsAsVllm) {
  const std::string flags = "--overwrite --return-routed-experts ";
  ASSERT_EQ(RunBatch(0, flags + "--trace " + Path("t.zst")).exit_code, 0);
  const std::string answers = ReadFile(Path("out.jsonl"));
  for (const char* more : {"", "--placement random:5 --max-num-batched-tokens 20",
                           "--max-model-len 160 --kv-cache-gib 0.0003 --overlap on"}) {
    ASSERT_EQ(RunBatch(2, flags + more).exit_code, 0);
    EXPECT_EQ(ReadFile(Path("out.jsonl")), answers) << more;
  }
  ASSERT_EQ(RunBatch(0, "--overwrite").exit_code, 0);
  EXPECT_THAT(ReadFile(Path("out.jsonl")), testing::Not(HasSubstr("routed_experts")));

  if (RunShell("/usr/bin/python3 -c \"import numpy\"").exit_code != 0) GTEST_SKIP() << "no numpy";
  WriteFile(Path("answers.jsonl"), answers);
  Octet("trace export " + Path("t.zst") + " --npy " + Path("x.npy"));
  WriteFile(Path("check.py"), R"(
import base64, io, json
import numpy as np
experts = np.load("x.npy")
answers = np.genfromtxt("x_answers.csv", delimiter=",", names=True, dtype=int)
lines = [json.loads(line) for line in open("answers.jsonl")]
for a in answers:
    choice = lines[a["line"] - 1]["response"]["body"]["choices"][a["choice"]]
    array = np.load(io.BytesIO(base64.b64decode(choice["routed_experts"])))
    assert array.dtype == np.int16
    assert (array == experts[a["first_row"]:a["first_row"] + a["tokens"]]).all()
print("right")
)");
  const ProcessResult result = RunShell("cd " + directory_ + " && /usr/bin/python3 check.py");
  EXPECT_THAT(result.output, HasSubstr("right"));
}

TEST_F(TraceTest, StatsAreTextAndJson) {
  ASSERT_EQ(RunBatch(3, "--trace " + Path("t.zst")).exit_code, 0);
  const std::string text =
      Octet("trace stats " + Path("t.zst") + " --output-json " + Path("stats.json"));
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (begin > 0) {
      EXPECT_LE(line.size(), 100U) << line;
    }
    begin = end + 1;
  }
  const json stats = ParseJson(ReadFile(Path("stats.json")));
  EXPECT_EQ(stats["layers"].size(), 3U);
  EXPECT_EQ(stats["ranks"], 3);
  EXPECT_EQ(stats["traffic"]["is_as_counted"], true);
  EXPECT_GT(stats["traffic"]["bytes"]["recorded"], 0);
}

TEST_F(TraceTest, WhatIsNoTraceIsRefused) {
  WriteFile(Path("t.zst"), "no trace");
  EXPECT_THAT(Octet("trace stats " + Path("t.zst"), 2), HasSubstr("has no tokens"));
  EXPECT_THAT(Octet("trace stats " + Path("nothing.zst"), 2), HasSubstr("nothing.zst"));
  EXPECT_THAT(Octet("trace export " + Path("t.zst"), 2), HasSubstr("--csv or --npy"));
  EXPECT_THAT(Octet("trace", 2), HasSubstr("choose one of stats, export"));
}

TEST_F(TraceTest, OfABenchmark) {
  const std::string flags = std::string("bench throughput --model ") + kDemoModel +
                            " --num-prompts 3 --input-len 10 --output-len 4 --no-bounds --trace " +
                            Path("t.zst");
  ASSERT_EQ(RunOctet(2, flags).exit_code, 0);
  EXPECT_THAT(Octet("trace stats " + Path("t.zst")), HasSubstr("; as counted"));
  const ProcessResult again = RunOctet(2, flags);
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.output, HasSubstr("is there already"));
}

}  // namespace
}  // namespace octet

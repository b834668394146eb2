// What a user of octet plan meets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class PlanTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string Write(const std::string& name, const std::string& text) const {
    WriteFile(Path(name), text);
    return Path(name);
  }

  std::string Plan(const std::string& flags, int exit_code = 0) const {
    const ProcessResult result = RunOctet(0, "plan " + flags);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    return result.output;
  }

  json PlanJson(const std::string& flags) const {
    Plan(flags + " --output-json " + Path("plan.json"));
    return ParseJson(ReadFile(Path("plan.json")));
  }

  // A trace of 2 layers of 4 experts. In the steps of its first half experts 0 and 1 are hot, in
  // those of its second half 0 and 2.
  std::string WriteTrace() const {
    std::vector<StepRouting> steps;
    for (int s = 0; s < 4; ++s) {
      const char hot = s < 2 ? 1 : 2;
      const std::string experts = {0, hot, 0, 1};
      steps.push_back(TinyStep(s, {{.position = 2 * s, .experts = experts},
                                   {.position = 2 * s + 1, .experts = {0, 3, 2, 3}}}));
    }
    PosixFileSystem files;
    WriteTinyTrace(files, Path("t.zst"), std::move(steps));
    return Path("t.zst");
  }

  const std::string directory_ = TestDirectory();
};

const json& FiguresOf(const json& plan, const std::string& policy) {
  for (const json& figures : plan["policies"]) {
    if (figures["policy"] == policy) return figures;
  }
  ADD_FAILURE() << policy;
  static const json kNone;
  return kNone;
}

// In each step of the first half layer 0 has 2, 1, 0, 1 tokens, of the second 2, 0, 1, 1.
TEST_F(PlanTest, PlansForOneHalfOfATraceAndJudgesOnTheOther) {
  const std::string flags = "--ranks 2 --trace " + WriteTrace();
  const std::string text = Plan(flags);
  EXPECT_THAT(text, AllOf(StartsWith("With time-optimal on 2 ranks the busiest rank has "),
                          HasSubstr(", judged on the second half of "), HasSubstr("  in sample |"),
                          HasSubstr("in sample: the first half of " + Path("t.zst, 2 steps")),
                          HasSubstr("judged: the second half of " + Path("t.zst, 2 steps"))));
  const json plan = PlanJson(flags);
  EXPECT_EQ(plan["answer"], text.substr(0, text.find('\n')));
  // Layer 0: expert 0 goes with 2, which has none; of the second half these have 3 of 4 tokens.
  const json& best = FiguresOf(plan, "time-optimal");
  EXPECT_EQ(best["in_sample"]["layer_steps"], json({1, 1}));
  EXPECT_EQ(best["in_sample"]["gap_percent"], 0);
  EXPECT_EQ(best["judged"]["layer_steps"], json({1.5, 1}));
  EXPECT_EQ(best["judged"]["each_step"]["p99"], 1.5);
  EXPECT_EQ(best["judged"]["gap_percent"], 25);
  EXPECT_EQ(plan["bounds_judged"]["layer_steps"], json({1, 1}));
  EXPECT_EQ(FiguresOf(plan, "contiguous")["in_sample"]["layer_steps"], json({1.5, 1}));
  // A token of layer 0: experts 0 and 1, or 0 and 3, half of them together at best.
  EXPECT_EQ(FiguresOf(plan, "copy-optimal")["in_sample"]["copies"], (0.75 + 0.5) / 2);
  for (const char* policy : {"round-robin", "random, mean of 20", "random, least", "random, most",
                             "eplb", "load-optimal", "trade-off"}) {
    EXPECT_GE(FiguresOf(plan, policy)["judged"]["steps"], 1) << policy;
  }
}

TEST_F(PlanTest, TablesFitATerminal) {
  const std::string text = Plan("--ranks 2 --trace " + WriteTrace());
  for (size_t begin = text.find('\n') + 1; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (!line.starts_with("in sample: ") && !line.starts_with("judged: ")) {
      EXPECT_LE(line.size(), 100U) << line;
    }
    begin = end + 1;
  }
}

TEST_F(PlanTest, ALoadHasTotalsOnly) {
  const std::string load = Write("load.json", "[[6, 1, 2, 3], [4, 4, 4, 4]]");
  const std::string text = Plan("--ranks 2 --load " + load);
  EXPECT_THAT(text, AllOf(StartsWith("With load-optimal on 2 ranks the busiest rank has 1.083 x "
                                     "the mean of all tokens (contiguous 1.083"),
                          HasSubstr("in sample, as there is no other routing to judge with"),
                          HasSubstr("not judged"), Not(HasSubstr("copy-optimal"))));
  const json plan = PlanJson("--ranks 2 --load " + load);
  EXPECT_FALSE(plan.contains("judged"));
  EXPECT_EQ(FiguresOf(plan, "load-optimal")["in_sample"]["layer_total"], json({7.0 / 6, 1}));
  EXPECT_THAT(Plan("--ranks 2 --objective bytes --load " + load, 2),
              HasSubstr("--objective bytes needs the steps of a trace"));
  EXPECT_THAT(Plan("--ranks 2 --policy trade-off --load " + load, 2),
              HasSubstr("--policy trade-off needs the steps of a trace"));
}

TEST_F(PlanTest, OneFileJudgesAnother) {
  const std::string a = Write("a.json", "[[6, 1, 1, 6]]");
  const std::string b = Write("b.json", "[[1, 1, 6, 6]]");
  const json plan = PlanJson("--ranks 2 --fit " + a + " --judge " + b);
  const json& best = FiguresOf(plan, "load-optimal");
  EXPECT_EQ(best["in_sample"]["total"], 1);
  EXPECT_EQ(best["judged"]["total"], 12.0 / 7);  // 0 is with 1, and 3 with 2
  EXPECT_EQ(plan["bounds_judged"]["total"], 1);
  EXPECT_EQ(plan["in_sample"]["name"], a);
  EXPECT_EQ(plan["judged"]["name"], b);
  const std::string other = Write("c.json", "[[1, 1, 6]]");
  EXPECT_THAT(Plan("--ranks 2 --fit " + a + " --judge " + other, 2),
              HasSubstr("has 1 layers of 3 experts, and --fit 1 of 4"));
  const json mixed = PlanJson("--ranks 2 --fit " + WriteTrace() + " --judge " +
                              Write("d.json", "[[1, 1, 1, 1], [2, 1, 1, 2]]"));
  EXPECT_EQ(mixed["in_sample"]["steps"], 4);
  EXPECT_EQ(mixed["judged"]["steps"], 0);
  EXPECT_EQ(FiguresOf(mixed, "time-optimal")["judged"]["steps"], 0);
}

TEST_F(PlanTest, EplbIsExactInEveryForm) {
  const auto oracle = OraclePath("eplb");
  OCTET_SKIP_WITHOUT_ORACLE(oracle, "EPLB's README through octet plan");
  const json c = ParseJson(ReadFile(*oracle + "/eplb_cases.json"))["deepseek_readme"];
  const std::string flags = "--slots 2 --expert-groups 4 --policy eplb --hosts " +
                            Write("hosts", "a slots=4\nb slots=4  # the second node\n") +
                            " --load " + Write("load.json", c["weight"].dump()) + " --out " +
                            Path("out.json") + " --format ";
  Plan(flags + "eplb");
  EXPECT_EQ(ParseJson(ReadFile(Path("out.json")))["physical_to_logical_map"],
            c["expected_phy2log"]);
  Plan(flags + "vllm");
  EXPECT_EQ(ParseJson(ReadFile(Path("out.json"))), c["expected_phy2log"]);
}

// What --out wrote is a placement for other commands, and for another plan.
TEST_F(PlanTest, ItsFilesAreRead) {
  const std::string load =
      Write("load.json", "[[9,1,1,1,1,1,1,1],[1,9,1,1,1,1,1,1],[1,1,9,1,1,1,1,1]]");
  const std::string flags = "--ranks 4 --slots 3 --load " + load;
  for (const auto& [format, name] : {std::pair{"octet", "p.textproto"},
                                     {"octet", "p.json"},
                                     {"eplb", "p.json"},
                                     {"vllm", "p.json"},
                                     {"vllm-ascend", "p.json"},
                                     {"tensorrt-llm", "p.yaml"}}) {
    const json plan =
        PlanJson(flags + " --policy load-optimal --format " + format + " --out " + Path(name));
    EXPECT_EQ(FiguresOf(plan, "load-optimal")["in_sample"]["total"], 1);
    const json again = PlanJson(flags + " --policy " + Path(name));
    EXPECT_EQ(FiguresOf(again, Path(name))["in_sample"]["total"], 1) << format;
    const ProcessResult inspected =
        RunOctet(0, std::string("inspect ") + kDemoModel + " --ranks 4 --placement " + Path(name));
    EXPECT_EQ(inspected.exit_code, 0) << inspected.output;
    EXPECT_THAT(inspected.output, HasSubstr("rank 3: 0.01 GiB of experts, 9 in all layers"));
  }
}

// With slot order, and an expert that a rank has twice.
TEST_F(PlanTest, ConvertsTheFilesOfOtherPrograms) {
  const std::string load = Write("load.json", "[[9,1,1,1],[1,9,1,1]]");
  const std::string map = R"({"physical_to_logical_map":[[3,0,0,0,2,1],[0,1,1,2,3,1]]})";
  const std::string flags = "--ranks 2 --slots 3 --load " + load + " --policy ";
  Plan(flags + Write("a.json", map) + " --format tensorrt-llm --out " + Path("b.yaml"));
  EXPECT_THAT(ReadFile(Path("b.yaml")), HasSubstr("  0: [3, 0, 0, 0, 2, 1]\n"));
  Plan(flags + Path("b.yaml") + " --format vllm-ascend --out " + Path("c.json"));
  Plan(flags + Path("c.json") + " --format vllm --out " + Path("d.json"));
  Plan(flags + Path("d.json") + " --format eplb --out " + Path("e.json"));
  EXPECT_EQ(ReadFile(Path("e.json")), map + "\n");
}

// With replicas the best placement by step is proven for a small layer.
TEST_F(PlanTest, SaysWhetherTheBestIsKnown) {
  const std::string flags = "--ranks 2 --slots 3 --trace " + WriteTrace();
  EXPECT_THAT(Plan(flags),
              HasSubstr("The bound is that of the best placement in so many of 2 layers:\n"
                        "  in sample: total 2, step 2; judged: total 2, step 2. Elsewhere"));
  const json plan = PlanJson(flags);
  EXPECT_EQ(plan["bounds_in_sample"]["layer_steps_reached"], json({true, true}));
  EXPECT_EQ(FiguresOf(plan, "time-optimal")["in_sample"]["gap_percent"], 0);
  EXPECT_THAT(plan["command"].get<std::string>(), StartsWith("octet plan --ranks 2 --slots 3"));
}

TEST_F(PlanTest, RanksThatDiffer) {
  const std::string load = Write("load.json", "[[8, 4, 2, 2], [8, 4, 2, 2]]");
  const json fast = PlanJson("--ranks 2 --slots 2 --speeds 5,3 --load " + load);
  EXPECT_EQ(FiguresOf(fast, "load-optimal")["in_sample"]["total"], 1);  // 8 + 2, 4 + 2
  const json large = PlanJson("--ranks 2 --slots 3,1 --load " + load);
  EXPECT_EQ(FiguresOf(large, "load-optimal")["in_sample"]["total"], 1);  // 4 + 2 + 2, 8
  const json rooms = PlanJson("--ranks 2 --memory 7,3 --load " + load);
  EXPECT_EQ(rooms["slots"], json({5, 5}));
  EXPECT_THAT(Plan("--ranks 2 --memory 5,2 --load " + load, 2),
              HasSubstr("--memory leaves layer 0 3 slots for 4 experts"));
  EXPECT_THAT(Plan("--ranks 2 --slots 1 --load " + load, 2),
              HasSubstr("--slots leaves layer 0 2 slots for 4 experts"));
  EXPECT_THAT(Plan("--ranks 3 --speeds 1,2 --load " + load, 2),
              HasSubstr("--speeds has 2 numbers for 3 ranks"));
}

TEST_F(PlanTest, ABudgetOfReplicasGoesWhereItHelps) {
  const std::string load = Write("load.json", "[[4, 4, 4, 4], [13, 1, 1, 1]]");
  const json plan = PlanJson("--ranks 4 --replica-budget 3 --load " + load);
  EXPECT_EQ(plan["replica_budget"]["replicas"], json({0, 3}));
  EXPECT_EQ(plan["slots"], json({4, 7}));
  EXPECT_GE(plan["replica_budget"]["gap_percent"], 0);
  EXPECT_THAT(Plan("--ranks 4 --replica-budget 3 --load " + load),
              HasSubstr("replicas of layers: 0 3\n"));
}

TEST_F(PlanTest, RefusesFlagsThatContradict) {
  const std::string load = " --load " + Write("load.json", "[[4, 4, 4, 4]]");
  EXPECT_THAT(Plan("--ranks 2", 2), HasSubstr("one of --trace, --load, or --fit with --judge"));
  EXPECT_THAT(Plan("--ranks 2 --fit a" + load, 2), HasSubstr("--fit and --judge go together"));
  EXPECT_THAT(Plan("--ranks 2 --slots 2 --replicas 1" + load, 2), HasSubstr("give one of them"));
  EXPECT_THAT(Plan("--ranks 2 --replicas 5" + load, 2), HasSubstr("--replicas must be at most 4"));
  EXPECT_THAT(Plan("--ranks 2 --slots 5" + load, 2), HasSubstr("--slots must be at most 4"));
  EXPECT_THAT(Plan("--ranks 2 --objective speed" + load, 2),
              HasSubstr("load, time, bytes or both"));
  EXPECT_THAT(Plan("--ranks 2 --format xml --out x" + load, 2), HasSubstr("--format must be one"));
  EXPECT_THAT(Plan("--ranks 2 --format eplb" + load, 2), HasSubstr("no effect without --out"));
  EXPECT_THAT(Plan("--ranks 2 --policy best" + load, 2), HasSubstr("--policy best: neither"));
  EXPECT_THAT(Plan("--ranks 2 --out /nowhere/p" + load, 2), HasSubstr("no directory /nowhere"));
  EXPECT_THAT(Plan(load, 2), HasSubstr("--ranks, or --hosts, must say"));
  const std::string hosts = " --hosts " + Write("hosts", "a slots=2\nb\n");
  EXPECT_THAT(Plan("--ranks 2" + hosts + load, 2),
              HasSubstr("1 host without slots=N can't share 0 ranks that --ranks 2 leaves"));
  EXPECT_THAT(Plan("--ranks 2 --hosts " + Write("h", "a slots=2\nb slots=1\n") + load, 2),
              HasSubstr("slots for 3 ranks, and --ranks is 2"));
  EXPECT_THAT(Plan("--replicas 0" + hosts + load),
              HasSubstr("octet: --hosts " + Path("hosts") + ": 1 host without slots=N: 1 rank on"));
  EXPECT_THAT(Plan("--slots 2 --expert-groups 3 --policy eplb" + hosts + load, 2),
              HasSubstr("--policy eplb: eplb can't divide 4 experts into 3 groups"));
  EXPECT_THAT(Plan("--hosts " + Write("hosts", "a slots=x\n") + load, 2),
              HasSubstr("line 1: slots=N must be a whole number"));
  EXPECT_THAT(Plan("--hosts " + Write("hosts", "# none\n") + load, 2), HasSubstr("names no host"));
}

TEST_F(PlanTest, DamagedFilesAreRefused) {
  EXPECT_THAT(Plan("--ranks 2 --trace " + Write("t.zst", "no trace"), 2),
              HasSubstr("--trace " + Path("t.zst") + ": has no tokens"));
  EXPECT_THAT(Plan("--ranks 2 --load " + Write("l.json", "[[1, 2], [1]]"), 2),
              HasSubstr("layer 1 must be a list of the tokens of 2 experts"));
  EXPECT_THAT(Plan("--ranks 2 --load " + Write("l.json", "[]"), 2), HasSubstr("has no counts"));
  EXPECT_THAT(Plan("--ranks 2 --load " + Write("l.json", "[[]]"), 2), HasSubstr("has no counts"));
  const std::string whole = ReadFile(WriteTrace());
  std::string flipped = whole;
  flipped[flipped.size() / 2] ^= 1;
  const std::string said = Plan("--ranks 2 --trace " + Write("t.zst", flipped + whole), 2);
  EXPECT_THAT(said, HasSubstr("is damaged"));
  EXPECT_EQ(said.find('\n'), said.size() - 1);
}

}  // namespace
}  // namespace octet

#include "launch/pages/page_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/files/proto_json.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRun[] = R"({"ranks": 1, "requests": 3})";
constexpr char kStats[] = R"({"num_experts": 2, "layers": [{"load": [1, 2]}]})";
constexpr char kPlan[] = R"({"answer": "a plan", "policies": [{"policy": "eplb"}]})";
constexpr char kReplay[] = R"({"ranks": 2, "point": "p", "sent_bytes": [0, 1, 2, 0]})";
constexpr char kPoint[] = R"({"point": "a=1", "answers_hash": "18446744073709551615"})";

class PageInputsTest : public testing::Test {
 protected:
  using Texts = std::vector<std::pair<std::string, std::string>>;  // path, contents

  absl::StatusOr<PageInputs> Read(const Texts& texts, const std::vector<std::string>& names,
                                  const std::string& output) {
    std::filesystem::remove_all(directory_);
    for (const auto& [name, text] : texts) {
      std::filesystem::create_directories(DirectoryOf(Path(name)));
      WriteFile(Path(name), text);
    }
    std::vector<std::string> directories;
    directories.reserve(names.size());
    for (const std::string& name : names) directories.push_back(Path(name));
    PosixFileSystem files;
    return ReadPageInputs(files, directories, Path(output));
  }

  std::string ErrorOf(const Texts& texts, const std::vector<std::string>& names = {"d"}) {
    const auto inputs = Read(texts, names, "d/report.html");
    EXPECT_FALSE(inputs.ok()) << texts.front().first << " " << texts.front().second;
    return std::string(inputs.status().message());
  }

  std::string ErrorOf(const std::string& name, const std::string& text) {
    return ErrorOf({{"d/" + name, text}});
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  const std::string directory_ = TestDirectory();
};

// A sweep that was killed while it wrote: at each byte of the line.
TEST_F(PageInputsTest, TheTornLineOfASweepIsLeftOut) {
  const std::string point = kPoint;
  for (size_t bytes = 1; bytes < point.size(); ++bytes) {
    const auto inputs =
        Read({{"d/points.jsonl", point + "\n" + point.substr(0, bytes)}}, {"d"}, "d/report.html");
    ASSERT_TRUE(inputs.ok()) << inputs.status();
    EXPECT_EQ(inputs->sweeps[0].runs.size(), 1U);
    EXPECT_EQ(inputs->sweeps[0].torn_line, 2);
  }
  const auto whole = Read({{"d/points.jsonl", point + "\n" + point}}, {"d"}, "d/report.html");
  EXPECT_EQ(whole->sweeps[0].runs.size(), 2U);
  EXPECT_EQ(whole->sweeps[0].torn_line, 0);
}

TEST_F(PageInputsTest, FilesNameTheirCommands) {
  const auto inputs = Read({{"d/plan.json", R"({"answer": "a", "policies": [{"policy": "eplb"}],
                                           "command": "octet plan 'x y'"})"},
                            {"d/plan-2.json", kPlan}},
                           {"d"}, "d/report.html");
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  const auto command_of = [&](const std::string& name) {
    return std::ranges::find(inputs->used, Path(name), &UsedFile::path)->command;
  };
  EXPECT_EQ(command_of("d/plan-2.json"), "octet plan ... --output-json plan.json");
  EXPECT_EQ(command_of("d/plan.json"), "octet plan 'x y'");
}

TEST_F(PageInputsTest, FilesAreFoundByName) {
  const Texts texts = {{"a/summary.json", kRun},
                       {"a/report.html", "an earlier page"},
                       {"a/flight-rank0.txt", "x"},
                       {"a/plan.txt", "x"},
                       {"a/logs/1.txt", "x"},
                       {"b/stats.json", kStats},
                       {"b/plan.json", kPlan},
                       {"b/plan-2.json", kPlan},
                       {"b/points.jsonl", std::string(kPoint) + "\n\n" + kPoint + "\n"},
                       {"b/sweep.textproto", "name: \"s\" axes { name: \"a\" }"},
                       {"b/replay.json", kReplay},
                       {"b/replay-x.json", kReplay},
                       {"b/replays/1.json", kReplay},
                       {"b/compare.json", R"({"choices": [{"ranks": 2}]})"},
                       {"b/replays/notes", "x"},
                       {"b/page.html", "the output"}};
  const auto inputs = Read(texts, {"a", "b"}, "b/page.html");
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->runs.at(0).message.requests(), 3);
  EXPECT_EQ(inputs->stats.at(0).path, Path("b/stats.json"));
  EXPECT_EQ(inputs->plans.size(), 2U);
  EXPECT_EQ(inputs->replays.size(), 3U);
  EXPECT_EQ(inputs->comparisons.at(0).message.choices(0).ranks(), 2);
  EXPECT_EQ(inputs->sweeps.at(0).runs.size(), 2U);
  EXPECT_EQ(inputs->sweeps[0].runs[0].answers_hash(), ~uint64_t{0});
  EXPECT_EQ(inputs->sweeps[0].sweep->name(), "s");
  EXPECT_EQ(inputs->used.size(), 10U);
  EXPECT_EQ(inputs->used[0].path, Path("a/summary.json"));
  EXPECT_EQ(inputs->used[0].bytes, sizeof(kRun) - 1);
  EXPECT_EQ(inputs->used[0].command, "octet run-batch --report DIR");
  EXPECT_THAT(inputs->unused, ElementsAre(Path("a/flight-rank0.txt"), Path("a/logs/"),
                                          Path("a/plan.txt"), Path("b/replays/notes")));
}

TEST_F(PageInputsTest, ADirectoryMustHaveSomethingToShow) {
  EXPECT_THAT(ErrorOf("sweep.textproto", ""),
              HasSubstr("d: has nothing to show; a page is made of"));
  EXPECT_THAT(ErrorOf("report.html", ""), HasSubstr("d: has nothing to show"));
  EXPECT_THAT(ErrorOf({{"d/summary.json", kRun}}, {"d", "e"}), HasSubstr(Path("e")));
  EXPECT_THAT(ErrorOf({{"d/summary.json", kRun}}, {"d", "./d"}), HasSubstr("./d: is given twice"));
}

TEST_F(PageInputsTest, DamagedFilesAreRefusedByName) {
  EXPECT_THAT(ErrorOf("summary.json", "{"), HasSubstr("d/summary.json: "));
  EXPECT_THAT(ErrorOf("summary.json", R"({"rank": 1})"),
              AllOf(HasSubstr("d/summary.json: "), HasSubstr("rank")));
  EXPECT_THAT(ErrorOf("summary.json", "{}"), HasSubstr("ranks must be positive"));
  EXPECT_THAT(ErrorOf("summary.json", R"({"ranks": 1, "run_seconds": "NaN"})"),
              HasSubstr("run_seconds is not finite"));
  EXPECT_THAT(ErrorOf("summary.json", R"({"ranks": 1, "phases": [{"seconds": -1}]})"),
              HasSubstr("seconds is negative"));
  EXPECT_THAT(ErrorOf("summary.json",
                      R"({"ranks": 1, "expert_load": [{"tokens": [1, 2]}, {"tokens": [1]}]})"),
              HasSubstr("expert_load has layers with unlike numbers"));
  EXPECT_THAT(ErrorOf("stats.json", R"({"num_experts": 3, "layers": [{"load": [1, 2]}]})"),
              HasSubstr("d/stats.json: load of layer 0 must have num_experts"));
  EXPECT_THAT(
      ErrorOf("stats.json", R"({"ranks": 2, "layers": [{}], "traffic": {"dispatch_bytes": [1]}})"),
      HasSubstr("dispatch_bytes must be of [ranks, ranks]"));
  EXPECT_THAT(ErrorOf("stats.json", "{}"), HasSubstr("layers must have a layer"));
  EXPECT_THAT(ErrorOf("plan.json", "{}"), HasSubstr("d/plan.json: policies must have a policy"));
  EXPECT_THAT(ErrorOf("replay.json", R"({"ranks": 2, "sent_bytes": [1]})"),
              HasSubstr("d/replay.json: sent_bytes must be of [ranks, ranks]"));
  EXPECT_THAT(ErrorOf("points.jsonl", std::string(kPoint) + "\n{\"point\":\n"),
              HasSubstr("d/points.jsonl, line 2: "));
  EXPECT_THAT(ErrorOf("points.jsonl", "{\"point\":"), HasSubstr("d/points.jsonl: has no run"));
  EXPECT_THAT(ErrorOf("points.jsonl", "{}"), HasSubstr("point must have a name"));
  EXPECT_THAT(ErrorOf("points.jsonl", "\n"), HasSubstr("d/points.jsonl: has no run"));
  EXPECT_THAT(ErrorOf({{"d/points.jsonl", kPoint}, {"d/sweep.textproto", "axis {}"}}),
              HasSubstr("d/sweep.textproto: 1:"));
}

// What octet writes is what the page reads.
TEST_F(PageInputsTest, ReadsOwnJson) {
  Replay replay;
  replay.set_ranks(1);
  replay.mutable_prefill()->set_steps(2);
  const auto inputs = Read({{"d/replay.json", JsonOf(replay)}}, {"d"}, "");
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->replays[0].message.prefill().steps(), 2);
}

}  // namespace
}  // namespace octet

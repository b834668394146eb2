// Jobs with lines that get no answer.

#include <absl/strings/str_replace.h>

#include <limits>
#include <utility>

#include "tests/support/batch_job_fixture.h"
#include "tests/support/damaged_model.h"
#include "tests/support/test_files.h"

namespace octet::batch_jobs {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

std::string ErrorCode(const json& line) {
  EXPECT_EQ(line["response"]["body"]["error"]["code"], line["error"]["code"]);
  EXPECT_EQ(line["response"]["body"]["error"]["message"], line["error"]["message"]);
  return line["error"]["code"];
}

TEST_F(BatchJobTest, ACustomIdStandsOnce) {
  const std::vector<json> lines = Results(
      Greedy("same") + Greedy("other") + RequestLine("same", "{}") + RequestLine("bad", "{}") +
      Greedy("bad") + R"({"url": "/v1/completions", "body": {"prompt": "a"}})" + "\n" +
      R"({"custom_id": 7, "url": "/v1/completions", "body": {"prompt": "a"}})" + "\n");
  ASSERT_THAT(lines, SizeIs(7));
  EXPECT_EQ(lines[0]["error"], nullptr);
  EXPECT_EQ(lines[1]["error"], nullptr);
  for (const int i : {2, 4}) {  // refused lines have their id too
    EXPECT_EQ(ErrorCode(lines[i]), "duplicate_custom_id");
    EXPECT_EQ(lines[i]["custom_id"], i == 2 ? "same" : "bad");
    EXPECT_EQ(lines[i]["response"]["body"]["error"]["param"], "custom_id");
    EXPECT_THAT(lines[i]["error"]["message"].get<std::string>(),
                HasSubstr(i == 2 ? "'same'" : "'bad'"));
  }
  for (const int i : {5, 6}) {  // none, and a number, which is shown as text
    EXPECT_EQ(lines[i]["custom_id"], i == 5 ? json() : json("7"));
    EXPECT_EQ(lines[i]["response"]["body"]["error"]["param"], "custom_id");
  }
}

TEST_F(BatchJobTest, LenientJobsSayOnceWhatTheyIgnore) {
  const auto with = [](const std::string& id, const std::string& fields) {
    return RequestLine(id,
                       R"({"prompt": "the", "max_tokens": 2, "temperature": 0, )" + fields + "}");
  };
  const std::string input = with("a", R"("colour": 1)") + with("b", R"("colour": 2, "size": 3)") +
                            with("c", R"("size": 1)") + with("d", R"("max_tokens": "x")");
  memory_.files[kInput] = input;
  const JobResult result = Run(memory_, {kInput}, kOutput, {.lenient = true});
  EXPECT_EQ(result.counts.answered, 3);
  EXPECT_THAT(result.notes,
              ElementsAre(AllOf(HasSubstr("line 1"), HasSubstr("'colour'")),
                          AllOf(HasSubstr("line 2"), HasSubstr("'size'")),
                          AllOf(HasSubstr("line 4 is refused"), HasSubstr("'max_tokens'"))));
  const std::vector<json> strict = Results(input);
  for (const json& line : strict) EXPECT_NE(line["error"], nullptr);
}

TEST_F(BatchJobTest, TheFirstRefusedLineIsNotedAndAllAreCounted) {
  memory_.files[kInput] = Greedy("a") + "{broken\n" + RequestLine("b", R"({"prompt": 1})") +
                          RequestLine("c", R"({"prompt": 2})") + Greedy("a");
  const JobResult result = Run(memory_, {kInput}, kOutput);
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("line 2 is refused: ")));
  EXPECT_EQ(result.refusals.lines(), 4);
  const std::vector<RefusalReason> top = result.refusals.TopReasons(9);
  ASSERT_THAT(top, SizeIs(3));
  EXPECT_EQ(top[0].lines, 2);
  EXPECT_EQ(top[0].first_line, 3);
  EXPECT_EQ(top[0].example.param, "prompt");
  EXPECT_EQ(top[2].example.code, "duplicate_custom_id");
  memory_.files[kInput] = Greedy("a");
  EXPECT_EQ(Run(memory_, {kInput}, "other").refusals.lines(), 0);
}

TEST_F(BatchJobTest, ManyRefusedLinesInARow) {
  constexpr int kRefused = 2000;
  std::string input;
  for (int i = 0; i < kRefused; ++i) absl::StrAppend(&input, RequestLine(absl::StrCat(i), "{}"));
  memory_.files[kInput] = input + Greedy("good");
  const JobResult result = Run(memory_, {kInput}, kOutput, {.ranks = 2});
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.counts.refused, kRefused);
  EXPECT_EQ(result.counts.answered, 1);
  EXPECT_LT(result.steps, 12);  // other ranks step, too, but not for each line
  EXPECT_GE(result.steps, kRefused / 512 + 3);
  const std::vector<json> lines = ParseLines(memory_.files[kOutput]);
  ASSERT_THAT(lines, SizeIs(kRefused + 1));
  for (int i = 0; i < kRefused; ++i) ASSERT_EQ(lines[i]["custom_id"], absl::StrCat(i));
  EXPECT_EQ(lines[kRefused]["error"], nullptr);
}

// Each with the custom_id "hostile", where it has one.
std::vector<std::string> LinesThatAreNoRequests() {
  const std::string deep(5000, '[');
  return {
      "{broken\n",
      "{\n",
      "null\n",
      "[]\n",
      "\"text\"\n",
      "1e999\n",
      "{}{}\n",
      "\xef\xbb\xbf{}\n",
      std::string("{\"custom_id\": \"\0\"}\n", 19),
      "{\"custom_id\": \"\xff\xfe\"}\n",
      "{\"custom_id\": \"\xed\xa0\x80\"}\n",
      R"({"custom_id": "\ud800", "url": "/v1/completions", "body": {"prompt": "a"}})"
      "\n",
      deep + "\n",
      deep + std::string(5000, ']') + "\n",
      RequestLine("hostile", R"({"prompt": )" + deep + std::string(5000, ']') + "}"),
      std::string(100'000, '{') + "\n",
      std::string(1 << 20, 'x') + "\n",
  };
}

std::vector<std::string> HostileRequests() {
  const auto with = [](const std::string& fields) {
    return RequestLine("hostile", absl::StrCat(R"({"prompt": "the", )", fields, "}"));
  };
  const auto prompt = [](const std::string& ids) { return Greedy("hostile", 3, ids); };
  return {
      RequestLine("hostile", "7"),
      RequestLine("hostile", R"({"prompt": 7})"),
      RequestLine("hostile", R"({"prompt": {}})"),
      RequestLine("hostile", R"({"prompt": []})"),
      RequestLine("hostile", R"({"prompt": [[]]})"),
      RequestLine("hostile", R"({"prompt": [1, "a"]})"),
      RequestLine("hostile", R"({"prompt": "a", "prompt": "b"})"),
      prompt("[-1]"),
      prompt("[2048]"),
      prompt("[1.5]"),
      prompt("[99999999999999999999999]"),
      prompt("[1e400]"),
      prompt("[[1, 2], [3, 2048]]"),
      prompt(absl::StrCat("\"", std::string(5000, 'a'), "\"")),
      with(R"("max_tokens": 0)"),
      with(R"("max_tokens": -1)"),
      with(R"("max_tokens": 1000000)"),
      with(R"("max_tokens": 1e30)"),
      with(R"("max_tokens": "3x")"),
      with(R"("temperature": -1)"),
      with(R"("temperature": 1e39)"),
      with(R"("top_p": 2)"),
      with(R"("seed": 99999999999999999999)"),
      with(R"("n": 0)"),
      with(R"("n": 1000000)"),
      with(R"("logprobs": 1000)"),
      with(R"("stop": 7)"),
      with(R"("logit_bias": {"5000": 1})"),
      with(R"("unknown": 1)"),
  };
}

// Each gets one error line of its own, and the others are answered as if it were not there.
TEST_F(BatchJobTest, HostileLinesHarmNobody) {
  std::vector<std::string> hostile = LinesThatAreNoRequests();
  const std::vector<std::string> requests = HostileRequests();
  hostile.insert(hostile.end(), requests.begin(), requests.end());
  std::string input = Greedy("before", 5);
  for (size_t i = 0; i < hostile.size(); ++i) {
    // Each its own id, so that none is refused as a double.
    absl::StrAppend(
        &input, absl::StrReplaceAll(hostile[i], {{"\"hostile\"", absl::StrCat("\"h", i, "\"")}}));
  }
  input += Greedy("after", 5);
  for (const int ranks : {1, 2}) {
    const std::vector<json> lines = Results(input, {.ranks = ranks});
    ASSERT_THAT(lines, SizeIs(hostile.size() + 2));
    for (size_t i = 0; i < hostile.size(); ++i) {
      EXPECT_EQ(lines[i + 1]["response"]["status_code"], 400) << hostile[i].substr(0, 200);
      EXPECT_EQ(lines[i + 1]["id"], absl::StrCat("batch_req_", i + 2));
      EXPECT_LT(lines[i + 1].dump().size(), 2000U) << hostile[i].substr(0, 200);
    }
    EXPECT_EQ(lines.back()["error"], nullptr);
    EXPECT_EQ(lines.front()["response"]["body"]["choices"],
              lines.back()["response"]["body"]["choices"]);
  }
}

// Token 300 has an embedding that is no number, and nobody else's answer changes.
TEST_F(BatchJobTest, ARequestWithoutFiniteLogitsIsAnErrorLine) {
  const std::string input =
      R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [5, 6]}}
{"custom_id": "b", "url": "/v1/completions", "body": {"prompt": [[5, 6], [7, 300]], "n": 2}}
{"custom_id": "c", "url": "/v1/completions", "body": {"prompt": [9], "logprobs": 1}}
)";
  const std::string directory = TestDirectory();
  DamagedModel model;
  const auto run = [&](int ranks) {
    model.WriteTo(directory);
    MemoryFileSystem memory;
    memory.files = {{kInput, input}};
    const JobResult result = JobRunner(directory).Run(memory, {kInput}, kOutput, {.ranks = ranks});
    EXPECT_TRUE(result.status.ok()) << result.status;
    return std::pair(result, ParseLines(memory.files[kOutput]));
  };
  const auto [sound_result, sound] = run(1);
  EXPECT_EQ(sound_result.counts.answered, 3);
  model.Damage("model.embed_tokens.weight", 300, 1, std::numeric_limits<float>::quiet_NaN());
  for (const int ranks : {1, 3}) {
    const auto [result, lines] = run(ranks);
    EXPECT_EQ(result.counts.answered, 2);
    EXPECT_EQ(result.counts.refused, 1);
    EXPECT_THAT(result.notes,
                UnorderedElementsAre(HasSubstr("row 300 of model.embed_tokens.weight is NaN"),
                                     StartsWith("line 2 is refused: ")));
    EXPECT_EQ(lines[0], sound[0]);
    EXPECT_EQ(lines[2], sound[2]);
    EXPECT_EQ(lines[1]["custom_id"], "b");
    EXPECT_EQ(lines[1]["response"]["status_code"], 500);
    EXPECT_EQ(lines[1]["response"]["body"]["error"]["type"], "server_error");
    EXPECT_EQ(ErrorCode(lines[1]), "not_finite");
  }
}

}  // namespace
}  // namespace octet::batch_jobs

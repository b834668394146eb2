// Whole jobs on the demo model, in this process.

#include "runtime/batch/batch_job.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/batch/unwritten_output.h"
#include "runtime/io/compressed_stream.h"
#include "tests/support/damaged_model.h"
#include "tests/support/demo_model.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/job_runner.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr char kInput[] = "in.jsonl";
constexpr char kOutput[] = "out.jsonl";

std::string RequestLine(const std::string& custom_id, const std::string& body) {
  return absl::StrCat(R"({"custom_id": ")", custom_id,
                      R"(", "method": "POST", "url": "/v1/completions", "body": )", body, "}\n");
}

// A greedy answer of so many tokens.
std::string Greedy(const std::string& custom_id, int max_tokens = 3,
                   const std::string& prompt = "\"In the beginning\"") {
  return RequestLine(custom_id,
                     absl::StrCat(R"({"prompt": )", prompt, R"(, "max_tokens": )", max_tokens,
                                  R"(, "temperature": 0, "ignore_eos": true})"));
}

class BatchJobTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { runner_ = new JobRunner(kDemoModel); }
  static void TearDownTestSuite() { delete runner_; }

  static JobResult Run(FileSystem& files, const std::vector<std::string>& inputs,
                       const std::string& output, const JobOptions& options = {}) {
    return runner_->Run(files, inputs, output, options);
  }

  // The result lines of this input.
  std::vector<json> Results(const std::string& input, const JobOptions& options = {}) {
    memory_.files = {{kInput, input}};
    const JobResult result = Run(memory_, {kInput}, kOutput, options);
    EXPECT_TRUE(result.status.ok()) << result.status;
    return Lines(memory_.files[kOutput]);
  }

  static std::vector<json> Lines(const std::string& text) {
    std::vector<json> lines;
    for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      lines.push_back(json::parse(line.begin(), line.end()));
    }
    return lines;
  }

  std::string Decompress(const std::string& path) {
    auto input = Decompressed(memory_.OpenInput(path).value());
    std::string text(1 << 20, '\0');
    text.resize(input->Read(std::as_writable_bytes(std::span(text))).value());
    return text;
  }

  static JobRunner* runner_;
  MemoryFileSystem memory_;
};

JobRunner* BatchJobTest::runner_ = nullptr;

std::string ErrorCode(const json& line) {
  EXPECT_EQ(line["response"]["body"]["error"]["code"], line["error"]["code"]);
  EXPECT_EQ(line["response"]["body"]["error"]["message"], line["error"]["message"]);
  return line["error"]["code"];
}

TEST_F(BatchJobTest, SeveralInputsAreOneAndCompressionChangesNothing) {
  const std::string a = Greedy("a1") + "\n" + Greedy("a2");
  const std::string b = "{broken\n" + Greedy("b1");
  memory_.files = {{"a", a}, {"b", b.substr(0, b.size() - 1)}, {"empty", ""}};
  for (const char* suffix : {".gz", ".zst"}) {
    auto output =
        CompressedFor(suffix, memory_.CreateOutput(absl::StrCat("b", suffix)).value()).value();
    ASSERT_TRUE(output->Write(std::as_bytes(std::span(b))).ok());
    ASSERT_TRUE(output->Close().ok());
  }
  const JobResult result = Run(memory_, {"a", "empty", "b"}, kOutput);
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.counts.answered, 3);
  EXPECT_EQ(result.counts.refused, 1);
  EXPECT_EQ(result.counts.estimated_lines, 4);
  EXPECT_TRUE(result.counts.input_ended);
  EXPECT_EQ(result.counts.unfinished_sequences, 0);
  const std::string text = memory_.files[kOutput];
  const std::vector<json> lines = Lines(text);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[3]["custom_id"], "b1");
  EXPECT_EQ(lines[3]["id"], "batch_req_5");  // lines count through all inputs, blank ones too
  for (const char* suffix : {".gz", ".zst"}) {
    const std::string output = absl::StrCat("out", suffix);
    const JobResult packed =
        Run(memory_, {"a", "empty", absl::StrCat("b", suffix)}, output, {.ranks = 2});
    ASSERT_TRUE(packed.status.ok()) << packed.status;
    EXPECT_NE(memory_.files[output], text);
    EXPECT_EQ(Decompress(output), text) << suffix;
  }
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

// In place of a run: the same lines are refused, nothing is computed.
TEST_F(BatchJobTest, AJobIsCheckedWithoutComputing) {
  memory_.files[kInput] =
      Greedy("a", 3, "[5, 6, 7]") + "{broken\n" + Greedy("a") + "\n" +
      RequestLine("b", R"({"prompt": [[5], [1, 2, 3, 4, 5]], "n": 2, "max_tokens": 4})") +
      RequestLine("c", R"({"prompt": [9], "echo": true, "max_tokens": 0})");
  const RequestLimits limits = {
      .vocab_size = 2048, .max_model_len = JobRunner::kMaxModelLen, .lenient = false};
  UnwrittenOutput output(nullptr);
  BatchJob job(LineReader::Open(memory_, {kInput}).value(), output, limits, {}, 1);
  int advances = 0;
  const absl::StatusOr<RequestTotals> totals = job.Check([&] { ++advances; });
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->requests, 3);
  EXPECT_EQ(totals->answers, 6);
  EXPECT_EQ(totals->prompt_tokens, 3 + 2 * 6 + 1);
  EXPECT_EQ(totals->answer_tokens, 3 + 4 * 4);
  EXPECT_EQ(totals->longest_prompt, 5);
  EXPECT_EQ(totals->longest_line, 5);
  EXPECT_EQ(job.counts().refused, 2);
  EXPECT_EQ(job.refusals().lines(), 2);
  EXPECT_GE(advances, 6);
  EXPECT_THAT(job.TakeNotes(), ElementsAre(HasSubstr("line 2 is refused")));
}

TEST_F(BatchJobTest, AFileThatIsNoJsonLinesEndsTheJob) {
  memory_.files[kInput] = std::string("\xff\xfe{\0", 4);
  const JobResult result = Run(memory_, {kInput}, kOutput);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("in.jsonl is UTF-16"));
  EXPECT_FALSE(memory_.Exists(kOutput));
}

TEST_F(BatchJobTest, ChoicesOfPromptListsComeInOrder) {
  const auto request = [](const std::string& id, const std::string& prompt, int n) {
    return RequestLine(id, absl::StrCat(R"({"prompt": )", prompt, R"(, "n": )", n,
                                        R"(, "max_tokens": 4, "seed": 5, "ignore_eos": true})"));
  };
  const std::vector<json> lines =
      Results(request("list", "[[5, 6], [1, 300, 301]]", 2) + request("first", "[5, 6]", 2) +
                  request("second", "[1, 300, 301]", 2) + request("text", R"(["the king"])", 1),
              {.ranks = 2, .max_num_seqs = 3});
  ASSERT_THAT(lines, SizeIs(4));
  const auto body = [&lines](int line) { return lines[line]["response"]["body"]; };
  const auto text = [&body](int line, int choice) { return body(line)["choices"][choice]["text"]; };
  ASSERT_THAT(body(0)["choices"], SizeIs(4));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(body(0)["choices"][i]["index"], i);
  // Draws are keyed by the number of the choice within the line.
  EXPECT_EQ(text(0, 0), text(1, 0));
  EXPECT_EQ(text(0, 1), text(1, 1));
  EXPECT_NE(text(0, 0), text(0, 1));
  const auto usage = [&body](int line, const char* field) {
    return body(line)["usage"][field].get<int>();
  };
  EXPECT_EQ(usage(0, "completion_tokens"), 16);
  EXPECT_EQ(usage(2, "prompt_tokens"), 3);  // of each prompt once
  EXPECT_EQ(usage(0, "prompt_tokens"), 5);
  EXPECT_EQ(usage(0, "total_tokens"), 21);
  EXPECT_THAT(body(3)["choices"], SizeIs(1));
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
  const std::vector<json> lines = Lines(memory_.files[kOutput]);
  ASSERT_THAT(lines, SizeIs(kRefused + 1));
  for (int i = 0; i < kRefused; ++i) ASSERT_EQ(lines[i]["custom_id"], absl::StrCat(i));
  EXPECT_EQ(lines[kRefused]["error"], nullptr);
}

TEST_F(BatchJobTest, NothingButBlankLinesGivesNothing) {
  EXPECT_THAT(Results("\n \n\t\r\n\r\n   "), IsEmpty());
  EXPECT_THAT(Results("\r\n" + Greedy("a") + "  \n"), SizeIs(1));
}

// The first answer takes as many steps as all others together; they wait for it.
TEST_F(BatchJobTest, OutputIsInInputOrder) {
  std::string input = Greedy("0", 60);
  for (int i = 1; i <= 100; ++i) input += Greedy(absl::StrCat(i), 1 + i % 3);
  for (const int ranks : {1, 3}) {
    const std::vector<json> lines = Results(input, {.ranks = ranks, .max_num_seqs = 4});
    ASSERT_THAT(lines, SizeIs(101));
    for (int i = 0; i <= 100; ++i) {
      EXPECT_EQ(lines[i]["custom_id"], absl::StrCat(i));
      EXPECT_EQ(lines[i]["response"]["body"]["usage"]["completion_tokens"],
                i == 0 ? 60 : 1 + i % 3);
    }
  }
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
    return std::pair(result, Lines(memory.files[kOutput]));
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

TEST_F(BatchJobTest, AnInputMayVanishBeforeItsTurn) {
  // Gone once it was looked at.
  class Vanishing : public ForwardingFileSystem {
   public:
    using ForwardingFileSystem::ForwardingFileSystem;
    absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override {
      if (path == "b" && seen_++ > 0) return absl::NotFoundError(path + ": is gone");
      return base_.OpenInput(path);
    }

   private:
    int seen_ = 0;
  };
  memory_.files = {{"a", Greedy("a")}, {"b", Greedy("b")}};
  Vanishing files(memory_);
  const JobResult result = Run(files, {"a", "b"}, kOutput);
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("b: is gone"));
  EXPECT_FALSE(memory_.Exists(kOutput));
}

TEST_F(BatchJobTest, RefusesPathsThatCannotServe) {
  const auto error = [this](const std::string& input, const std::string& output) {
    return std::string(Run(memory_, {input}, output).status.message());
  };
  memory_.files = {{kInput, Greedy("a")}, {"directory/file", ""}};
  EXPECT_THAT(error("nowhere", kOutput), HasSubstr("nowhere: no such file"));
  EXPECT_THAT(error(kInput, "directory"), HasSubstr("--output directory is a directory"));
  EXPECT_THAT(memory_.files, SizeIs(2));  // nothing was written
}

}  // namespace
}  // namespace octet

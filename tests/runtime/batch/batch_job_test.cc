#include "runtime/batch/batch_job.h"

#include "runtime/batch/unwritten_output.h"
#include "runtime/io/compressed_stream.h"
#include "tests/support/batch_job_fixture.h"
#include "tests/support/forwarding_file_system.h"

namespace octet::batch_jobs {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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
  const std::vector<json> lines = ParseLines(text);
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
}  // namespace octet::batch_jobs

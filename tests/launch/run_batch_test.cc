// What a user of octet run-batch meets: answers, error lines, refusals.

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kRequest[] =
    R"({"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": )"
    R"({"prompt": "In the beginning", "max_tokens": 5, "temperature": 0}})"
    "\n";

// The same request with another custom_id.
std::string Renamed(const std::string& custom_id) {
  return absl::StrReplaceAll(kRequest, {{"\"a\"", "\"" + custom_id + "\""}});
}

class RunBatchTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();
  const std::string input_ = directory_ + "/in.jsonl";
  const std::string output_ = directory_ + "/out.jsonl";

  std::string Files() const { return "-i " + input_ + " -o " + output_ + " "; }

  // Refused before anything is written, on every rank, within the test's time limit.
  void ExpectRefused(int ranks, const std::string& flags, const std::string& message) {
    WriteFile(input_, kRequest);
    const ProcessResult result = RunOctet(ranks, "run-batch " + flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, HasSubstr(message)) << flags;
    EXPECT_FALSE(std::filesystem::exists(output_)) << flags;
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal")) << flags;
  }
};

std::vector<json> ParseLines(const std::string& text) {
  std::vector<json> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(ParseJson(line));
  return lines;
}

TEST_F(RunBatchTest, AnswersAndErrorsInInputOrder) {
  WriteFile(input_, std::string("{broken\n") + kRequest +
                        "\n"
                        R"({"custom_id": "b", "url": "/v1/embeddings", "body": {}})"
                        "\n" +
                        Renamed("c"));
  const ProcessResult result =
      RunOctet(2, "run-batch " + Files() + "--model " + kDemoModel + " --created 7");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 answered, 2 refused"));
  const std::vector<json> lines = ParseLines(ReadFile(output_));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["custom_id"], nullptr);
  EXPECT_EQ(lines[0]["response"]["status_code"], 400);
  EXPECT_EQ(lines[1]["id"], "batch_req_2");
  EXPECT_EQ(lines[1]["response"]["body"]["created"], 7);
  EXPECT_EQ(lines[1]["response"]["body"]["model"], "model");
  EXPECT_EQ(lines[1]["response"]["body"]["usage"]["completion_tokens"], 5);
  EXPECT_EQ(lines[1]["error"], nullptr);
  EXPECT_EQ(lines[2]["custom_id"], "b");
  EXPECT_EQ(lines[2]["response"]["body"]["error"]["param"], "url");
  EXPECT_EQ(lines[3]["id"], "batch_req_5");  // of the line, blank ones counted
  EXPECT_EQ(lines[3]["response"]["body"]["choices"], lines[1]["response"]["body"]["choices"]);
}

// The demo's model with a generation_config.json; the weights are where they were.
std::string ModelWithGenerationConfig(const std::string& directory, const std::string& text) {
  std::filesystem::create_directories(directory);
  for (const auto& entry : std::filesystem::directory_iterator(kDemoModel)) {
    std::filesystem::create_symlink(entry.path(),
                                    directory + "/" + entry.path().filename().string());
  }
  std::filesystem::remove(directory + "/generation_config.json");
  WriteFile(directory + "/generation_config.json", text);
  return directory;
}

TEST_F(RunBatchTest, TheModelsGenerationConfigSetsWhatRequestsDoNotState) {
  constexpr char kSampled[] =
      R"({"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": )"
      R"({"prompt": "In the beginning", "max_tokens": 8, "seed": 5}})"
      "\n";
  constexpr char kGreedy[] =
      R"({"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": )"
      R"({"prompt": "In the beginning", "max_tokens": 8, "temperature": 0, "seed": 5}})"
      "\n";
  const std::string model = ModelWithGenerationConfig(
      directory_ + "/model", R"({"eos_token_id": 2, "temperature": 0.0, "top_k": 3})");
  const auto answer = [&](const char* request, const std::string& flags) {
    WriteFile(input_, request);
    const ProcessResult result =
        RunOctet(0, "run-batch " + Files() + "--overwrite --model " + model + flags);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const bool says = result.output.find(
                          "note: generation_config.json sets temperature 0, top_k 3 "
                          "for requests that don't state them; "
                          "--generation-config none ignores it") != std::string::npos;
    EXPECT_EQ(says, flags.empty()) << result.output;
    return ParseLines(ReadFile(output_))[0]["response"]["body"]["choices"][0]["text"].dump();
  };
  EXPECT_EQ(answer(kSampled, ""), answer(kGreedy, " --generation-config none"));
  EXPECT_EQ(answer(kSampled, " --generation-config vllm"),
            answer(kSampled, " --generation-config none"));
  EXPECT_NE(answer(kSampled, ""), answer(kSampled, " --generation-config none"));
  answer(kSampled, " --generation-config none");
  const ProcessResult other = RunOctet(0, "run-batch " + Files() + "--resume --model " + model);
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.output, HasSubstr("--generation-config was none, and is auto"));
}

TEST_F(RunBatchTest, EmptyInputGivesEmptyOutput) {
  WriteFile(input_, "");
  const ProcessResult result = RunOctet(3, "run-batch " + Files() + "--model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("the input has no requests"));
  EXPECT_EQ(ReadFile(output_), "");
}

TEST_F(RunBatchTest, ALineLongerThanThePromptLimitIsRefusedAlone) {
  WriteFile(input_, kRequest);
  const ProcessResult result =
      RunOctet(0, "run-batch " + Files() + "--max-model-len 6 --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const std::vector<json> lines = ParseLines(ReadFile(output_));
  EXPECT_EQ(lines[0]["response"]["body"]["error"]["code"], "context_length_exceeded");
}

TEST_F(RunBatchTest, ReportHasTheAccount) {
  WriteFile(input_, kRequest);
  const ProcessResult result = RunOctet(
      2, "run-batch " + Files() + "--model " + kDemoModel + " --report " + directory_ + "/report");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const json report = ParseJson(ReadFile(directory_ + "/report/summary.json"));
  EXPECT_EQ(report["ranks"], 2);
  EXPECT_EQ(report["requests"], 1);
  EXPECT_EQ(report["generated_tokens"], 5);
  EXPECT_EQ(report["expert_load"].size(), 3U);
  int64_t slots = 0;
  for (const json& tokens : report["expert_load"][0]["tokens"]) {
    slots += tokens.get<int64_t>();
  }
  const int64_t computed = report["prompt_tokens"].get<int64_t>() + 4;
  EXPECT_EQ(slots, 2 * computed);
}

TEST_F(RunBatchTest, SettingsFromAFileAndFlagsOverThem) {
  WriteFile(input_, kRequest);
  WriteFile(directory_ + "/config.textproto", std::string("model: \"") + kDemoModel +
                                                  "\" input: \"" + input_ + "\" output: \"" +
                                                  output_ + "\" served_model_name: \"x\"");
  const ProcessResult result = RunOctet(
      0, "run-batch --config " + directory_ + "/config.textproto --served-model-name king");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_))[0]["response"]["body"]["model"], "king");
}

TEST_F(RunBatchTest, OnlyRank0NeedsTheFiles) {
  WriteFile(input_, kRequest);
  const std::string octet =
      OctetProgram() + " run-batch -i in.jsonl -o out.jsonl --model " + kDemoModel;
  const ProcessResult result = RunShell(MpirunCommand() + " -n 1 -wdir " + directory_ + " " +
                                        octet + " : -n 2 -wdir / " + octet);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 1U);
}

TEST_F(RunBatchTest, RefusesWhatItCannotServe) {
  const std::string demo = std::string("--model ") + kDemoModel + " ";
  ExpectRefused(2, Files() + "--model " + directory_, "config.json");
  ExpectRefused(0, Files(), "--model is missing");
  ExpectRefused(0, "-i " + input_ + " " + demo, "--output is missing");
  ExpectRefused(2, "-i /nowhere.jsonl -o " + output_ + " " + demo,
                "--input /nowhere.jsonl: cannot be opened");
  ExpectRefused(0, "-i " + input_ + " -o /nowhere/out.jsonl " + demo,
                "--output /nowhere/out.jsonl: there is no directory /nowhere");
  ExpectRefused(0, "-i " + directory_ + " -o " + output_ + " " + demo, ": is a directory");
  ExpectRefused(0, "-i " + input_ + " -o " + input_ + " " + demo, "would overwrite --input");
  ExpectRefused(2, "--config /nowhere.textproto", "--config /nowhere.textproto: cannot be opened");
  ExpectRefused(2, Files() + demo + "--placement diagonal", "--placement 'diagonal'");
  ExpectRefused(0, Files() + demo + "--isa sse", "--isa 'sse'");
  ExpectRefused(0, Files() + demo + "--dtype int8", "--dtype 'int8'");
  ExpectRefused(0, Files() + demo + "--device cuda", "--device cuda");
  ExpectRefused(0, Files() + demo + "--max-model-len 999999", "max_position_embeddings");
  ExpectRefused(0, Files() + demo + "--kv-cache-gib 0.0001", "--kv-cache-gib");
  ExpectRefused(0, Files() + demo + "--max-num-seqs -1", "--max-num-seqs");
  ExpectRefused(3, Files() + demo + "--ep-size 2", "--ep-size 2: 3 ranks can't be divided");
  ExpectRefused(0, Files() + demo + "--memory 7", "--memory '7': must be a size such as 12GiB");
  ExpectRefused(2, Files() + demo + "--memory 100MB", "has too little memory");
  ExpectRefused(0, Files() + demo + "--memory 500TiB", "that are available");
  ExpectRefused(2, Files() + demo + "--max-num-batched-tokens 1048577",
                "--max-num-batched-tokens must be a whole number from 1 to 1048576");
  ExpectRefused(0, Files() + demo + "--report /proc/no", "/proc/no");
  ExpectRefused(0, Files() + demo + "--no-such-flag 1", "--no-such-flag");
}

TEST_F(RunBatchTest, ARefusedJobMakesNoReport) {
  WriteFile(input_, kRequest);
  const std::string job = "run-batch " + Files() + "--model " + kDemoModel;
  ASSERT_EQ(RunOctet(0, job).exit_code, 0);
  const std::string report = directory_ + "/report";
  const ProcessResult result = RunOctet(0, job + " --resume --seed 3 --report " + report);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("--seed was 0, and is 3"));
  EXPECT_FALSE(std::filesystem::exists(report));
}

// A request that no answer can be given to.
std::string Refused(const std::string& custom_id) {
  return absl::StrReplaceAll(Renamed(custom_id), {{"\"temperature\": 0", "\"temperature\": 9"}});
}

TEST_F(RunBatchTest, RefusedLinesAreToldWithTheirReasons) {
  std::string input;
  for (int i = 0; i < 50; ++i) {
    input += absl::StrReplaceAll(Renamed("r" + std::to_string(i)),
                                 {{"\"temperature\": 0", "\"guided_choice\": [\"a\"]"}});
  }
  WriteFile(input_, input + Refused("x"));
  const ProcessResult result = RunOctet(2, "run-batch " + Files() + "--progress none --report " +
                                               directory_ + "/report --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("octet: note: line 1 is refused: 'guided_choice' is not "));
  EXPECT_THAT(result.output, HasSubstr("octet: note: no line was answered; 51 lines were refused"));
  EXPECT_THAT(result.output, HasSubstr("\n  50 x 'guided_choice' is not "));
  EXPECT_THAT(result.output, HasSubstr("(first: line 1)\n  1 x 'temperature' must be "));
  EXPECT_THAT(result.output, HasSubstr("(first: line 51)"));
  const json report = ParseJson(ReadFile(directory_ + "/report/summary.json"));
  ASSERT_EQ(report["refusals"].size(), 2U);
  EXPECT_EQ(report["refusals"][0]["lines"], 50);
  EXPECT_EQ(report["refusals"][1]["first_line"], 51);
}

TEST_F(RunBatchTest, RefusedLinesFailAJobWhereThatIsAskedFor) {
  WriteFile(input_, kRequest + Refused("b") + Refused("c"));
  const std::string job = "run-batch " + Files() + "--model " + kDemoModel + " --fail-on-refused";
  for (const int ranks : {0, 2}) {
    const ProcessResult result = RunOctet(ranks, job + " --overwrite");
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_THAT(result.output, HasSubstr("2 lines of 1 or more were refused (--fail-on-refused); "
                                         "the output is complete"));
    EXPECT_THAT(result.output, HasSubstr("2 lines were refused: 2 x 'temperature' must be "));
    EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 3U);
  }
  EXPECT_EQ(RunOctet(0, job + "=3 --overwrite").exit_code, 0);
  const ProcessResult again = RunOctet(2, job + "=2 --resume");
  EXPECT_EQ(again.exit_code, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("is complete since"));
  EXPECT_THAT(again.output, HasSubstr("2 x 'temperature' must be "));
}

// Each in place of lines of JSON, as a file and as standard input.
TEST_F(RunBatchTest, InputOfAnotherKindIsRefusedBeforeAnythingIsWritten) {
  const std::string model = std::string("--model ") + kDemoModel;
  const std::string lines = kRequest + Renamed("b");
  const std::string array = "[" + lines.substr(0, lines.find('\n')) + "]\n";
  const std::pair<std::string, const char*> inputs[] = {
      {std::string("\xff\xfe{\0\"\0", 6), "is UTF-16"},
      {"BZh91AY&SY", "bzip2 -dc"},
      {"PK\x03\x04" + lines, "is a zip archive"},
      {array, "jq -c '.[]'"},
      {"{\n  \"custom_id\": \"a\"\n}\n", "jq -c ."}};
  for (const auto& [input, message] : inputs) {
    WriteFile(input_, input);
    const std::string stream = "run-batch -i - -o " + output_ + " " + model;
    for (const ProcessResult& result :
         {RunOctet(0, "run-batch " + Files() + model),
          RunOctet(0, "run-batch --dry-run " + Files() + model),
          RunShell("cat " + input_ + " | " + OctetCommand(0) + " " + stream)}) {
      EXPECT_EQ(result.exit_code, 2) << result.output;
      EXPECT_THAT(result.output, HasSubstr(message));
      EXPECT_THAT(result.output, HasSubstr("octet: --input "));
      EXPECT_THAT(result.output, Not(HasSubstr("loaded")));
    }
    EXPECT_FALSE(std::filesystem::exists(output_));
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  }
  WriteFile(input_, "custom_id,prompt\na,b\n");
  const ProcessResult result = RunOctet(2, "run-batch " + Files() + model);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("has no JSON object in its first lines"));
}

TEST_F(RunBatchTest, TextsNeedATokenizer) {
  const std::string job =
      "run-batch " + Files() + "--model " + OCTET_SOURCE_DIR + "/tests/golden/hf/basic";
  for (const char* body : {R"({"prompt": "a"})", R"({"prompt": ["a"]})", R"({"messages": []})"}) {
    WriteFile(input_,
              absl::StrReplaceAll(R"({"custom_id": "a", "url": "/v1/completions", "body": BODY})",
                                  {{"BODY", body}}));
    const ProcessResult result = RunOctet(0, job);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr("has texts, and the model has no tokenizer"));
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  }
  WriteFile(input_, R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [1]}})");
  EXPECT_EQ(RunOctet(0, job).exit_code, 0);
}

TEST_F(RunBatchTest, AMarkOfUtf8IsPassedOver) {
  WriteFile(input_, "\xEF\xBB\xBF" + std::string(kRequest));
  const ProcessResult result = RunOctet(0, "run-batch " + Files() + "--model " + kDemoModel);
  EXPECT_THAT(result.output, HasSubstr("1 answered, 0 refused"));
}

TEST_F(RunBatchTest, ADryRunChecksAllLines) {
  WriteFile(input_, kRequest + Refused("b") + Renamed("a") + Renamed("c"));
  const std::string job = "run-batch --dry-run " + Files() + "--model " + kDemoModel +
                          " --report " + directory_ + "/r ";
  for (const int ranks : {0, 2}) {
    const ProcessResult result = RunOctet(ranks, job);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("octet: 4 lines: 2 to answer, 2 refused"));
    EXPECT_THAT(result.output, HasSubstr("2 answers of at most 10 tokens to prompts of "));
    EXPECT_THAT(result.output, HasSubstr("1 x 'temperature' must be "));
    EXPECT_THAT(result.output, HasSubstr("(first: line 3)"));
  }
  EXPECT_EQ(RunOctet(2, job + "--fail-on-refused").exit_code, 1);
  EXPECT_EQ(RunOctet(0, job + "--fail-on-refused=3").exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/r"));
}

TEST_F(RunBatchTest, ADryRunRefusesWhatTheJobWould) {
  const std::string demo = std::string("--dry-run --model ") + kDemoModel + " ";
  ExpectRefused(0, "-i " + input_ + " " + demo, "--output is missing");
  ExpectRefused(2, "-i /nowhere.jsonl -o " + output_ + " " + demo, "/nowhere.jsonl");
  ExpectRefused(0, "-i " + input_ + " -o /nowhere/out.jsonl " + demo, "/nowhere");
  ExpectRefused(0, Files() + demo + "--resume --overwrite", "exclude each other");
  EXPECT_EQ(RunOctet(0, "run-batch " + demo).exit_code, 0);  // only the plan
}

TEST_F(RunBatchTest, ADryRunLoadsAndWritesNothing) {
  WriteFile(input_, kRequest);
  const ProcessResult result =
      RunOctet(2, "run-batch " + Files() + "--dry-run --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 ranks x 1 thread, numerics class"));
  EXPECT_THAT(result.output, HasSubstr("rank 1: experts 0.01 GiB, KV cache up to"));
  EXPECT_THAT(result.output, HasSubstr("placement contiguous\n  experts from layer 0 on: rank 0: "
                                       "0 1 2 3; rank 1: 4 5 6 7\n"));
  EXPECT_THAT(
      RunOctet(2, "run-batch " + Files() + "--dry-run --placement by-memory --model " + kDemoModel)
          .output,
      HasSubstr("placement by-memory\n  experts from layer 0 on: rank 0: 0 1 2 3; rank 1"));
  EXPECT_THAT(result.output, Not(HasSubstr("loaded")));
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
}

// Ranks step without work while nothing comes, for longer than any may wait for another.
TEST_F(RunBatchTest, ASlowPipeKeepsNobodyWaiting) {
  WriteFile(input_, kRequest);
  const std::string second = directory_ + "/second.jsonl";
  WriteFile(second, Renamed("b"));
  const std::string octet =
      OctetCommand(2) + " run-batch -i - -o " + output_ + " --model " + kDemoModel + " --timeout 2";
  const ProcessResult result = RunShell("(cat " + input_ + "; sleep 5; head -c 20 " + second +
                                        "; sleep 3; tail -c +21 " + second + ") | " + octet);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 2U);
}

// Tasks of a launcher that can't find each other would each do the whole job.
TEST_F(RunBatchTest, AWorldOfOneUnderALauncherIsRefused) {
  WriteFile(input_, kRequest);
  for (const char* variable : {"SLURM_STEP_NUM_TASKS", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"}) {
    const std::string octet = OctetProgram() + " run-batch " + Files() + "--model " + kDemoModel;
    const std::string set = std::string(kIgnoreLeaks) + variable;
    const ProcessResult result = RunShell(set + "=4 " + octet);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("the launcher started 4 tasks"));
    EXPECT_FALSE(std::filesystem::exists(output_));
    EXPECT_EQ(RunShell(set + "=1 " + octet).exit_code, 0);
    std::filesystem::remove(output_);
  }
}

TEST_F(RunBatchTest, StandardInputAndOutput) {
  WriteFile(input_, kRequest + Renamed("b") + "{broken\n");
  const std::string flags = std::string("run-batch -i - -o - --model ") + kDemoModel;
  for (const int ranks : {0, 2}) {
    const std::string command = OctetCommand(ranks) + " " + flags;
    const ProcessResult result =
        RunShell("cat " + input_ + " | " + command + " 2> " + directory_ + "/log");
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const std::vector<json> lines = ParseLines(result.output);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[1]["custom_id"], "b");
    EXPECT_EQ(lines[2]["response"]["status_code"], 400);
    EXPECT_THAT(ReadFile(directory_ + "/log"), HasSubstr("2 answered, 1 refused"));
  }
}

TEST_F(RunBatchTest, WhatGzipWrites) {
  WriteFile(input_, kRequest + Renamed("b"));
  const std::string files = "-i " + input_ + ".gz -o " + output_ + ".gz ";
  const ProcessResult result =
      RunShell("gzip " + input_ + " && " + OctetProgram() + " run-batch " + files + "--model " +
               kDemoModel + " && gzip -d " + output_ + ".gz");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 2U);
}

TEST_F(RunBatchTest, ALenientRunSaysWhatItIgnores) {
  WriteFile(input_, R"({"custom_id": "a", "url": "/v1/completions", "body": )"
                    R"({"prompt": "a", "max_tokens": 1, "colour": 1}})"
                    "\n"
                    R"({"custom_id": "b", "url": "/v1/completions", "body": )"
                    R"({"prompt": "a", "max_tokens": 1, "colour": 1}})"
                    "\n");
  const ProcessResult result =
      RunOctet(2, "run-batch --lenient " + Files() + "--model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("2 answered, 0 refused"));
  const std::string note = "octet: note: line 1: field ";
  const size_t first = result.output.find(note);
  ASSERT_NE(first, std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("octet: note: line", first + 1), std::string::npos);
}

TEST_F(RunBatchTest, AWriteThatFailsEndsTheJob) {
  std::string input;
  for (int i = 0; i < 40; ++i) input += Renamed("r" + std::to_string(i));
  WriteFile(input_, input);
  const std::string job = std::string("run-batch --model ") + kDemoModel + " -i " + input_ + " -o ";
  for (const int ranks : {0, 2}) {
    const ProcessResult full = RunOctet(ranks, job + "/dev/full");
    EXPECT_EQ(full.exit_code, 1) << full.output;
    EXPECT_THAT(full.output, HasSubstr("/dev/full: writing: No space left on device"));
  }
  WriteFile(output_ + ".journal", "in the way");
  const ProcessResult result = RunOctet(2, job + output_);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr(output_ + ".journal: is not a directory, and stands where"));
}

// As an attempt that begins at the same time may leave it where the file system can't lock.
TEST_F(RunBatchTest, APartInTheWayIsNoCompleteOutput) {
  WriteFile(input_, kRequest);
  std::filesystem::create_directories(output_ + ".journal");
  for (const char* part : {"part-000001", "part-last"}) {  // the last one is somebody else's
    WriteFile(output_ + ".journal/" + part, "");
  }
  const std::string job = "run-batch --resume " + Files() + "--model " + kDemoModel;
  const ProcessResult first = RunOctet(2, job);
  EXPECT_EQ(first.exit_code, 0) << first.output;
  ASSERT_TRUE(std::filesystem::exists(output_)) << first.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 1U);
  const ProcessResult second = RunOctet(2, job);
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("is complete since"));
  EXPECT_THAT(second.output, Not(HasSubstr("loaded")));
}

TEST_F(RunBatchTest, ADrainedJobWithoutAJournalCannotBeResumed) {
  const std::string octet = OctetProgram() + " run-batch --model " + kDemoModel;
  const std::string log = directory_ + "/log";
  // The shell keeps the pipe open, so that the input does not end.
  const ProcessResult result =
      RunShell("mkfifo " + input_ + "; exec 9<>" + input_ + "; " + octet + " " + Files() + "2> " +
               log + " & job=$!; until grep -q loaded " + log + "; do sleep 0.1; done; " +
               "kill -USR1 $job; wait $job; code=$?; cat " + log + "; exit $code");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("stopped after USR1 with 0 lines done"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

// Replacing it by a file, as is done with files, would take /dev/null from everybody.
TEST_F(RunBatchTest, APipeOrDeviceIsWrittenToAsItIs) {
  WriteFile(input_, kRequest + Renamed("b"));
  const std::string job = OctetProgram() + " run-batch " + Files() + "--model " + kDemoModel;
  const ProcessResult result =
      RunShell("mkfifo " + output_ + "; cat " + output_ + " > " + directory_ + "/copy & " + job);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(std::filesystem::is_fifo(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  EXPECT_EQ(ParseLines(ReadFile(directory_ + "/copy")).size(), 2U);
}

TEST_F(RunBatchTest, ReplacesAnOlderOutputAtTheEnd) {
  WriteFile(input_, kRequest);
  WriteFile(output_, "old");
  EXPECT_EQ(RunOctet(0, "run-batch --overwrite " + Files() + "--model " + kDemoModel).exit_code, 0);
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 1U);
}

TEST_F(RunBatchTest, NamesTheRankThatDiffers) {
  WriteFile(input_, kRequest);
  const std::string octet = OctetProgram() + " run-batch " + Files() + "--model ";
  const auto run = [&](const std::string& rank1) {
    return RunShell(MpirunCommand() + " -n 1 " + octet + kDemoModel + " : -n 1 " + octet + rank1);
  };
  const ProcessResult seed = run(std::string(kDemoModel) + " --seed 3");
  EXPECT_EQ(seed.exit_code, 2) << seed.output;
  EXPECT_THAT(seed.output, HasSubstr("differs from rank 0"));
  EXPECT_THAT(seed.output, HasSubstr("in its settings"));
  EXPECT_THAT(seed.output, HasSubstr("rank 1 on "));

  // The same path, another model behind it on that rank.
  std::filesystem::create_directories(directory_ + "/0");
  std::filesystem::create_directories(directory_ + "/1");
  std::filesystem::copy(kDemoModel, directory_ + "/0/model",
                        std::filesystem::copy_options::recursive);
  std::filesystem::copy(OCTET_SOURCE_DIR "/tests/golden/hf/basic", directory_ + "/1/model",
                        std::filesystem::copy_options::recursive);
  const std::string relative = OctetProgram() + " run-batch " + Files() + "--model model";
  const ProcessResult model = RunShell(MpirunCommand() + " -n 1 -wdir " + directory_ + "/0 " +
                                       relative + " : -n 1 -wdir " + directory_ + "/1 " + relative);
  EXPECT_EQ(model.exit_code, 2) << model.output;
  EXPECT_THAT(model.output, HasSubstr("in its model"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST(Tokenize, GivesIdsOfLines) {
  const ProcessResult result = RunShell("printf \"In the beginning\\nROMEO:\\n\" | " +
                                        OctetProgram() + " tokenize --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0);
  const ProcessResult oracle =
      RunShell("printf \"In the beginning\\nROMEO:\\n\" | spm_encode --output_format=id --model=" +
               std::string(kDemoModel) + "/tokenizer.model");
  EXPECT_EQ(oracle.exit_code, 0) << oracle.output;
  EXPECT_EQ(result.output, oracle.output);
}

TEST(Octet, VersionNamesTheParts) {
  const ProcessResult result = RunOctet(0, "--version");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("octet 0.1"));
  EXPECT_THAT(result.output, HasSubstr("CUDA"));
  EXPECT_THAT(result.output, HasSubstr("NCCL"));
}

}  // namespace
}  // namespace octet

// What a user of octet run-batch meets: answers, settings, refusals.

#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

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

TEST(Octet, VersionNamesTheParts) {
  const ProcessResult result = RunOctet(0, "--version");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("octet 0.1"));
  EXPECT_THAT(result.output, HasSubstr("CUDA"));
  EXPECT_THAT(result.output, HasSubstr("NCCL"));
}

}  // namespace
}  // namespace octet::batch_runs

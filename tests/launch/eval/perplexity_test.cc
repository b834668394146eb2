// octet perplexity: windows, the score against transformers', the same on all ranks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/make_cpu_backend.h"
#include "launch/eval/text_score.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/damaged_model.h"
#include "tests/support/demo_model.h"
#include "tests/support/expected_tensors.h"
#include "tests/support/json.h"
#include "tests/support/local_ranks.h"
#include "tests/support/octet_process.h"
#include "tests/support/rank_model.h"
#include "tests/support/sanitized.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The text's tokens that each window scores.
std::vector<std::vector<int32_t>> ScoredTokens(const TextWindows& windows) {
  std::vector<std::vector<int32_t>> all;
  for (int64_t i = 0; i < windows.count(); ++i) {
    const ScoredWindow w = windows.Get(i);
    all.emplace_back(w.prompt.begin() + w.first_scored, w.prompt.end());
  }
  return all;
}

TEST(TextWindows, WithoutOverlap) {
  const std::vector<int32_t> ids = {10, 11, 12, 13, 14, 15, 16};
  const TextWindows windows(ids, 1, 3, 3);
  EXPECT_THAT(ScoredTokens(windows),
              ElementsAre(ElementsAre(10, 11, 12), ElementsAre(13, 14, 15), ElementsAre(16)));
  EXPECT_THAT(windows.Get(1).prompt, ElementsAre(1, 13, 14, 15));
  EXPECT_THAT(windows.Get(2).prompt, ElementsAre(1, 16));
}

TEST(TextWindows, WithOverlapOnlyTheLastOfEachCount) {
  const std::vector<int32_t> ids = {10, 11, 12, 13, 14, 15, 16, 17};
  const TextWindows windows(ids, 1, 4, 3);
  EXPECT_THAT(ScoredTokens(windows),
              ElementsAre(ElementsAre(10, 11, 12, 13), ElementsAre(14, 15, 16), ElementsAre(17)));
  EXPECT_THAT(windows.Get(1).prompt, ElementsAre(1, 13, 14, 15, 16));
  EXPECT_THAT(windows.Get(2).prompt, ElementsAre(1, 16, 17));
}

TEST(TextWindows, EachTokenOnceInOrder) {
  for (int n = 1; n <= 12; ++n) {
    std::vector<int32_t> ids(n);
    std::iota(ids.begin(), ids.end(), 100);
    for (int window = 1; window <= n + 1; ++window) {
      for (int stride = 1; stride <= window; ++stride) {
        std::vector<int32_t> scored;
        for (const auto& tokens : ScoredTokens(TextWindows(ids, 1, window, stride))) {
          EXPECT_FALSE(tokens.empty());
          scored.insert(scored.end(), tokens.begin(), tokens.end());
        }
        EXPECT_EQ(scored, ids) << n << " " << window << " " << stride;
      }
    }
  }
}

// The demo's windows of the golden test: 257 ids taken as they are, of which 256 are scored.
TEST(ScoreWindows, IsTheLossOfTransformers) {
  constexpr int64_t kWindow = 256;
  constexpr int64_t kWindows = kSanitized ? 3 : 40;
  PosixFileSystem files;
  const ModelFiles model = OpenModelOrDie(files, kDemoModel);
  const ExpectedTensors expected(OCTET_SOURCE_DIR "/tests/golden/demo/expected.safetensors");
  const std::vector<int32_t> ids = expected.Ints("test.input_ids");
  const std::vector<float> losses = expected.Floats("test.window_loss");
  const double expected_nats = std::accumulate(losses.begin(), losses.begin() + kWindows, 0.0);
  TextScore score;
  RunLocalRanks(2, [&](Communicator& comm) {
    const auto backend = MakeCpuBackend(SupportedIsas().back(), 1);
    const auto placement =
        ExpertPlacement::Parse("contiguous",
                               {model.config.num_layers, model.config.num_experts, comm.size()})
            .value();
    ModelWeights weights =
        LoadWeightsAlone(model.tensors, model.config, placement, comm.rank(), *backend, DType::kF32)
            .value();
    Engine engine({comm, comm}, *backend,
                  {model.config, weights, placement, nullptr, model.tensors},
                  {.limits = {.pages = {40, 40}, .group_size = 2}, .max_model_len = kWindow + 2});
    const TextScore mine = ScoreWindows(engine, comm.rank(), kWindows, [&](int64_t index) {
      const auto first = ids.begin() + index * kWindow;
      return ScoredWindow{.prompt = {first, first + kWindow + 1}, .first_scored = 1};
    });
    if (comm.rank() == 0) score = mine;
  });
  EXPECT_EQ(score.tokens, kWindows * kWindow);
  EXPECT_NEAR(score.NatsPerToken(), expected_nats / (kWindows * kWindow), 0.001);
  EXPECT_DOUBLE_EQ(score.Perplexity(), std::exp(score.NatsPerToken()));
}

class PerplexityTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();
  const std::string text_ = directory_ + "/text.txt";

  void WriteText() const {
    std::string text;
    for (int i = 0; i < 20; ++i) text += "And it came to pass in the days of the king.\n";
    WriteFile(text_, text);
  }

  // Standard output alone.
  std::string Perplexity(int ranks, const std::string& flags) const {
    const std::string out = directory_ + "/out.txt";
    const ProcessResult result = RunOctet(
        ranks, "perplexity --model " + std::string(kDemoModel) + " " + flags + " > " + out);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return ReadFile(out);
  }
};

TEST_F(PerplexityTest, SameOnAnyRanks) {
  WriteText();
  const std::string flags = "-f " + text_ + " --window 50 --stride 20 ";
  const std::string alone = Perplexity(0, flags + "--threads 1");
  EXPECT_THAT(alone, HasSubstr("tokens scored"));
  EXPECT_EQ(Perplexity(3, flags + "--placement round-robin --max-num-batched-tokens 40"), alone);
}

TEST_F(PerplexityTest, JsonAndLongerContext) {
  WriteText();
  const std::string json_path = directory_ + "/out.json";
  const auto run = [&](const std::string& flags) {
    Perplexity(0, "-f " + text_ + " --output-json " + json_path + " " + flags);
    return ParseJson(ReadFile(json_path));
  };
  const auto ids = DemoTokenizer().Encode(ReadFile(text_));
  const auto whole = run("");
  EXPECT_EQ(whole["tokens"], ids.size());
  EXPECT_EQ(whole["windows"], 1);
  EXPECT_EQ(whole["window"], 2046);
  EXPECT_NEAR(whole["perplexity"].get<double>(), std::exp(whole["nats_per_token"].get<double>()),
              1e-9);
  const auto cut = run("--window 4");
  EXPECT_EQ(cut["tokens"], ids.size());
  EXPECT_GT(cut["perplexity"], whole["perplexity"]);
  const auto overlapping = run("--window 40 --stride 5");
  EXPECT_EQ(overlapping["tokens"], ids.size());
  EXPECT_LT(overlapping["perplexity"], run("--window 40")["perplexity"]);
}

// Scored tokens of other programs' conventions, and the words that they share with octet's.
TEST_F(PerplexityTest, ByOtherProgramsConventions) {
  WriteText();
  const std::string json_path = directory_ + "/out.json";
  const auto run = [&](const std::string& flags) {
    Perplexity(0, "-f " + text_ + " --output-json " + json_path + " " + flags);
    return ParseJson(ReadFile(json_path));
  };
  const int64_t tokens = std::ssize(DemoTokenizer().Encode(ReadFile(text_))) + 1;  // with BOS
  const auto chunks = run("--convention llama.cpp --window 40");
  EXPECT_EQ(chunks["windows"], tokens / 40);
  EXPECT_EQ(chunks["tokens"], tokens / 40 * 19);
  EXPECT_EQ(chunks["convention"], "llama.cpp");
  const auto guide = run("--convention hf --window 40 --stride 40");
  EXPECT_EQ(guide["tokens"], tokens - (tokens + 39) / 40);
  // One window of all is the same by both.
  EXPECT_EQ(run("--convention hf")["perplexity"], run("")["perplexity"]);
}

TEST_F(PerplexityTest, JsonOfAModelWhoseNameIsNotUtf8) {
  WriteText();
  const std::string model = directory_ + "/m\xff";
  ASSERT_EQ(RunShell("cp -r " + std::string(kDemoModel) + " '" + model + "'").exit_code, 0);
  const std::string json_path = directory_ + "/out.json";
  const ProcessResult result = RunOctet(0, "perplexity --window 30 -f " + text_ + " --model '" +
                                               model + "' --output-json " + json_path);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseJson(ReadFile(json_path))["model"], directory_ + "/m\uFFFD");
}

TEST_F(PerplexityTest, ReadsStandardInput) {
  WriteText();
  const std::string command =
      OctetProgram() + " perplexity --model " + kDemoModel + " --window 30 2>/dev/null -f ";
  const ProcessResult piped = RunShell("cat " + text_ + " | " + command + "-");
  EXPECT_EQ(piped.exit_code, 0) << piped.output;
  EXPECT_EQ(piped.output, RunShell(command + text_).output);
}

TEST_F(PerplexityTest, LogitsThatAreNotFiniteHaveNone) {
  WriteText();
  DamagedModel model(kDemoModel, {"config.json", "model.safetensors", "tokenizer.model"});
  const std::string tensor = "model.layers.1.self_attn.o_proj.weight";
  model.Damage(tensor, 7, 3, std::numeric_limits<float>::quiet_NaN());
  model.WriteTo(directory_);
  const ProcessResult result =
      RunOctet(2, "perplexity --model " + directory_ + " -f " + text_ + " --window 30");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("a weight in row 7 of " + tensor + " is NaN"));
  EXPECT_THAT(result.output, Not(HasSubstr("tokens scored")));
}

TEST_F(PerplexityTest, RefusesWhatItCannotScore) {
  WriteText();
  const auto expect_refused = [&](const std::string& flags, const std::string& message) {
    const ProcessResult result = RunOctet(2, "perplexity " + flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, HasSubstr(message)) << flags;
  };
  const std::string demo = std::string("--model ") + kDemoModel + " ";
  expect_refused(demo + "-f " + text_ + " --convention vllm", "must be octet, hf or llama.cpp");
  expect_refused(demo + "-f " + text_ + " --convention llama.cpp --window 2000",
                 "fewer than --window 2000");
  expect_refused(demo + "-f " + text_ + " --convention llama.cpp --stride 3", "has none");
  expect_refused(demo + "-f /nowhere.txt", "can't read --file /nowhere.txt");
  expect_refused(demo + "-f /dev/null", "is empty");
  expect_refused(demo + "-f " + text_ + " --window 2047", "--window 2047");
  expect_refused(demo + "-f " + text_ + " --max-model-len 2", "--window 0");
  expect_refused(demo + "-f " + text_ + " --window 10 --stride 11", "--stride 11");
  expect_refused("-f " + text_ + " --model " OCTET_SOURCE_DIR "/tests/golden/hf/basic",
                 "the model has no tokenizer");
}

}  // namespace
}  // namespace octet

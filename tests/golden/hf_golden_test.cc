// Against what Hugging Face transformers computes: see tests/golden/hf/README.md for the form of a
// case. Cases of the same form below OCTET_ORACLE_DIR/hf are run too.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "tests/golden/golden_mode.h"
#include "tests/support/expected_tensors.h"
#include "tests/support/local_ranks.h"
#include "tests/support/oracle.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

constexpr int kHfPrompts = 4;
constexpr int64_t kChunk = 40;       // tokens of a step: prompts span several
constexpr double kTolerance = 2e-5;  // of the largest logit

std::vector<std::string> CaseDirectories() {
  std::vector<std::string> roots = {OCTET_SOURCE_DIR "/tests/golden/hf"};
  if (const auto oracle = OraclePath("hf")) roots.push_back(*oracle);
  std::vector<std::string> directories;
  std::set<std::string> names;
  for (const std::string& root : roots) {
    if (!std::filesystem::is_directory(root)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (!entry.is_directory() || !names.insert(entry.path().filename()).second) continue;
      directories.push_back(entry.path());
    }
  }
  std::sort(directories.begin(), directories.end());
  return directories;
}

struct ExpectedPrompt {
  ExpectedPrompt(const ExpectedTensors& expected, int i) {
    const std::string prefix = "prompt." + std::to_string(i) + ".";
    prompt = expected.Ints(prefix + "input_ids");
    greedy = expected.Ints(prefix + "greedy_ids");
    tokens = prompt;
    tokens.insert(tokens.end(), greedy.begin(), greedy.end());
    logits = expected.Floats(prefix + "logits");
    router_topk = expected.Ints(prefix + "router_topk");
  }
  std::vector<int32_t> prompt, greedy, tokens;
  std::vector<float> logits;         // [tokens, vocab]
  std::vector<int32_t> router_topk;  // [layers, tokens, k]
};

struct GoldenCase {
  explicit GoldenCase(const std::string& directory) : model(OpenModelOrDie(files, directory)) {
    const ExpectedTensors expected(directory + "/expected.safetensors");
    for (int i = 0; i < kHfPrompts; ++i) {
      prompts.emplace_back(expected, i);
      longest = std::max(longest, std::ssize(prompts.back().tokens));
    }
  }
  PosixFileSystem files;
  ModelFiles model;
  std::vector<ExpectedPrompt> prompts;
  int64_t longest = 0;
};

// The chosen experts of one sequence, in the order in which chunks come.
class RoutingRecorder {
 public:
  explicit RoutingRecorder(int num_layers) : chosen_(num_layers) {}

  void Record(int layer, const Routing& routing) {
    for (int64_t t = 0; t < routing.num_tokens; ++t) {
      const auto first = routing.topk_idx.begin() + t * routing.topk;
      chosen_[layer].emplace_back(first, first + routing.topk);
    }
  }
  void Clear() {
    for (auto& layer : chosen_) layer.clear();
  }

  void ExpectEqual(const ExpectedPrompt& expected, int topk) const {
    auto next = expected.router_topk.begin();
    for (size_t layer = 0; layer < chosen_.size(); ++layer) {
      ASSERT_EQ(chosen_[layer].size(), expected.tokens.size());
      for (size_t token = 0; token < expected.tokens.size(); ++token, next += topk) {
        ASSERT_EQ(chosen_[layer][token], std::set<int32_t>(next, next + topk))
            << "layer " << layer << " token " << token;
      }
    }
  }

 private:
  std::vector<std::vector<std::set<int32_t>>> chosen_;  // [layers][tokens]
};

void ExpectLogits(const std::vector<float>& logits, const ExpectedPrompt& expected) {
  ASSERT_EQ(logits.size(), expected.logits.size());
  double largest = 0;
  double error = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected.logits[i])));
    error = std::max(error, std::abs(static_cast<double>(logits[i]) - expected.logits[i]));
  }
  EXPECT_LE(error, kTolerance * largest);
}

class HfGoldenTest : public testing::TestWithParam<std::tuple<std::string, GoldenMode>> {
 protected:
  const GoldenMode mode_ = std::get<1>(GetParam());
  const GoldenCase golden_{std::get<0>(GetParam())};
  RankModelOptions Options() const {
    return {.make_backend = mode_.make_backend,
            .placement = mode_.placement,
            .max_tokens = golden_.longest};
  }
};

TEST_P(HfGoldenTest, LogitsAndRoutingEqual) {
  const int64_t chunks = (golden_.longest + kChunk - 1) / kChunk;
  RunLocalRanks(mode_.ranks, [&](Communicator& comm) {
    RoutingRecorder recorder(golden_.model.config.num_layers);
    RankModel model(comm, golden_.model, Options(), {.observe = [&](const RoutedTokens& t) {
                      recorder.Record(t.layer, t.routing);
                    }});
    // Each rank computes its share of the prompts; those without one help the others.
    for (int first = 0; first < kHfPrompts; first += mode_.ranks) {
      const int i = first + comm.rank();
      recorder.Clear();
      if (i >= kHfPrompts) {
        model.Logits({}, kChunk, chunks);
        continue;
      }
      const ExpectedPrompt& expected = golden_.prompts[i];
      ExpectLogits(model.Logits(expected.tokens, kChunk, chunks), expected);
      recorder.ExpectEqual(expected, golden_.model.config.experts_per_token);
    }
  });
}

class HfAnswerTest : public HfGoldenTest {};

TEST_P(HfAnswerTest, GreedyTokensEqual) {
  std::vector<NewSequence> requests;
  for (int i = 0; i < kHfPrompts; ++i) {
    const ExpectedPrompt& expected = golden_.prompts[i];
    requests.push_back(GreedyRequest(i, expected.prompt, static_cast<int>(expected.greedy.size())));
  }
  const SchedulerLimits limits = {.max_num_seqs = 3,
                                  .max_num_batched_tokens = 64,
                                  .pages = {4 * KvCache::PagesFor(golden_.longest)}};
  const auto finished = RunEngine(mode_.ranks, golden_.model, Options(), limits, requests);
  ASSERT_EQ(finished.size(), requests.size());
  for (int i = 0; i < kHfPrompts; ++i) {
    const auto& ids = finished[i].token_ids();
    EXPECT_EQ(std::vector<int32_t>(ids.begin(), ids.end()), golden_.prompts[i].greedy) << i;
  }
}

std::string CaseName(const testing::TestParamInfo<HfGoldenTest::ParamType>& test) {
  const auto& [directory, mode] = test.param;
  return std::filesystem::path(directory).filename().string() + "_" + mode.name + "_" +
         std::to_string(mode.ranks) + "ranks";
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, HfGoldenTest,
                         testing::Combine(testing::ValuesIn(CaseDirectories()),
                                          testing::ValuesIn(GoldenModes())),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Checkpoints, HfAnswerTest,
                         testing::Combine(testing::ValuesIn(CaseDirectories()),
                                          testing::ValuesIn(AnsweringModes())),
                         CaseName);

}  // namespace
}  // namespace octet

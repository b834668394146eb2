// The demo model against what transformers computes for it (tests/golden/demo/expected.safetensors,
// described in launch/demo/model/README.md).

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <numeric>

#include "tests/support/demo_model.h"
#include "tests/support/expected_tensors.h"
#include "tests/support/local_ranks.h"
#include "tests/support/rank_model.h"
#include "tests/support/sanitized.h"

namespace octet {
namespace {

constexpr int64_t kWindow = 256;
constexpr int kDemoPrompts = 8;

constexpr int kWindows = kSanitized ? 4 : 256;

// Sum over a window of the loss of predicting each next token.
double WindowLoss(const std::vector<float>& logits, std::span<const int32_t> next, int64_t vocab) {
  double loss = 0;
  for (size_t t = 0; t < next.size(); ++t) {
    const float* row = logits.data() + t * vocab;
    double sum = 0;
    for (int64_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<double>(row[i]));
    loss += std::log(sum) - row[next[t]];
  }
  return loss;
}

class DemoGoldenTest : public testing::Test {
 protected:
  PosixFileSystem files_;
  const ModelFiles model_ = OpenModelOrDie(files_, kDemoModel);
  const ExpectedTensors expected_{OCTET_SOURCE_DIR "/tests/golden/demo/expected.safetensors"};

  // Nats per token over the windows, divided over two ranks.
  double TestLoss(DType dtype) {
    const std::vector<int32_t> ids = expected_.Ints("test.input_ids");
    std::vector<double> losses(kWindows);
    RunLocalRanks(2, [&](Communicator& comm) {
      RankModel model(comm, model_, {.dtype = dtype, .max_tokens = kWindow});
      for (int w = comm.rank(); w < kWindows; w += 2) {
        const auto first = ids.begin() + w * kWindow;
        const auto logits = model.Logits({first, first + kWindow}, kWindow, 1);
        losses[w] = WindowLoss(logits, {first + 1, first + kWindow + 1}, model_.config.vocab_size);
      }
    });
    return std::accumulate(losses.begin(), losses.end(), 0.0) / (kWindows * kWindow);
  }

  double ExpectedLoss() const {
    const std::vector<float> losses = expected_.Floats("test.window_loss");
    return std::accumulate(losses.begin(), losses.begin() + kWindows, 0.0) / (kWindows * kWindow);
  }
};

// Both within a thousandth of what transformers has in float32.
TEST_F(DemoGoldenTest, TestPerplexity) {
  const double expected = std::exp(ExpectedLoss());
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const double perplexity = std::exp(TestLoss(dtype));
    EXPECT_NEAR(perplexity, expected, 0.001 * expected);
    std::cout << Name(dtype) << ": perplexity " << perplexity << ", "
              << 100 * (perplexity / expected - 1) << " % above " << expected << "\n";
  }
}

TEST_F(DemoGoldenTest, GreedyTokensAndLogprobs) {
  std::vector<NewSequence> requests;
  for (int k = 0; k < kDemoPrompts; ++k) {
    const std::string name = "prompt." + std::to_string(k);
    requests.push_back(GreedyRequest(k, expected_.Ints(name + ".input_ids"),
                                     static_cast<int>(expected_.Shape(name + ".greedy_ids")[0])));
    requests.back().mutable_params()->set_ignore_eos(false);
  }
  for (const int ranks : {1, 3}) {
    const auto finished =
        RunEngine(ranks, model_, {.placement = "round-robin"}, {.pages = {100}}, requests);
    ASSERT_EQ(finished.size(), static_cast<size_t>(kDemoPrompts));
    for (int k = 0; k < kDemoPrompts; ++k) {
      const std::string name = "prompt." + std::to_string(k);
      const auto& ids = finished[k].token_ids();
      EXPECT_EQ(std::vector<int32_t>(ids.begin(), ids.end()), expected_.Ints(name + ".greedy_ids"));
      const std::vector<float> logprobs = expected_.Floats(name + ".logprobs");
      for (size_t t = 0; t < logprobs.size(); ++t) {
        ASSERT_NEAR(finished[k].logprobs(static_cast<int>(t)).logprob(), logprobs[t], 1e-4);
      }
    }
  }
}

}  // namespace
}  // namespace octet

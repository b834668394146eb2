// Steps that only decode, recorded once and computed again: an engine on an emulated CUDA device.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_backend.h"
#include "runtime/io/file.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

using testing::SizeIs;

// What the backend has done in a step.
struct StepCosts {
  int64_t waits = 0;
  int64_t recordings = 0;
  int64_t graph_launches = 0;
  int64_t bytes_uploaded = 0;
};

struct Outcome {
  std::vector<std::string> answers;
  std::vector<StepCosts> steps;

  int64_t Sum(int64_t StepCosts::*cost) const {
    int64_t sum = 0;
    for (const StepCosts& step : steps) sum += step.*cost;
    return sum;
  }
};

class RecordedDecodeTest : public testing::TestWithParam<const char*> {
 protected:
  Outcome Run(const std::vector<NewSequence>& requests, const SchedulerLimits& limits) const {
    Outcome outcome;
    const cuda::CudaBackend* backend = nullptr;
    StepCosts before;
    RankModelOptions options = {.dtype = ElementType(model_.tensors.embed_tokens().format),
                                .own_rows = true};
    options.make_backend = [&] {
      std::unique_ptr<Backend> made = MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().back(), 1));
      backend = static_cast<const cuda::CudaBackend*>(made.get());
      return made;
    };
    options.before_step = [&](Engine&, int step) {
      const StepCosts now = {backend->num_synchronizations(), backend->num_recordings(),
                             backend->num_graph_launches(), backend->bytes_uploaded()};
      if (step > 0) {
        outcome.steps.push_back({now.waits - before.waits, now.recordings - before.recordings,
                                 now.graph_launches - before.graph_launches,
                                 now.bytes_uploaded - before.bytes_uploaded});
      }
      before = now;
    };
    for (const FinishedSequence& f : RunEngine(1, model_, options, limits, requests)) {
      outcome.answers.push_back(f.SerializeAsString());
    }
    return outcome;
  }

  // So many requests that differ in all that decides how a token is drawn.
  static std::vector<NewSequence> Requests(int count) {
    std::vector<NewSequence> requests;
    for (int id = 0; id < count; ++id) {
      std::vector<int32_t> prompt;
      for (int i = 0; i <= 3 * id; ++i) prompt.push_back((37 * i + id) % 500);
      requests.push_back(GreedyRequest(id, prompt, 4 + 3 * id));
      SamplingParams& params = *requests.back().mutable_params();
      params.set_temperature(id % 2 == 0 ? 0 : 0.8F);
      if (id % 3 == 1) params.set_top_p(0.9F);
      if (id % 4 == 3) params.set_repetition_penalty(1.3F);
      params.set_num_logprobs(id % 3 == 2 ? 2 : -1);
    }
    return requests;
  }

  static SchedulerLimits Limits(int64_t decode_room, int64_t max_num_seqs = 8) {
    return {.max_num_seqs = max_num_seqs,
            .max_num_batched_tokens = 64,
            .pages = {64},
            .decode_room = decode_room};
  }

  PosixFileSystem files_;
  const ModelFiles model_ = OpenModelOrDie(files_, GetParam());
};

TEST_P(RecordedDecodeTest, AStepHasOneWaitWhateverItsLayers) {
  NewSequence request = GreedyRequest(0, {1, 5, 9}, 12);
  request.mutable_params()->set_num_logprobs(-1);
  request.mutable_params()->set_temperature(0.7F);
  const Outcome outcome = Run({request}, Limits(4));
  ASSERT_THAT(outcome.steps, SizeIs(12));
  // The first step is the prompt's, the second is computed as it is asked for.
  for (size_t step = 1; step < outcome.steps.size(); ++step) {
    EXPECT_EQ(outcome.steps[step].waits, 1) << step;
    EXPECT_EQ(outcome.steps[step].graph_launches, step == 1 ? 0 : 1) << step;
    EXPECT_LT(outcome.steps[step].bytes_uploaded, 512) << step;
  }
  EXPECT_GT(outcome.steps[0].waits, model_.config.num_layers);
}

TEST_P(RecordedDecodeTest, AnswersAreTheSameForEveryRoom) {
  const std::vector<NewSequence> requests = Requests(4);
  const Outcome expected = Run(requests, Limits(0));
  EXPECT_EQ(expected.Sum(&StepCosts::graph_launches), 0);
  for (const int64_t room : {1, 3, 8}) {
    const Outcome outcome = Run(requests, Limits(room));
    EXPECT_EQ(outcome.answers, expected.answers) << room;
    EXPECT_GT(outcome.Sum(&StepCosts::graph_launches), 0) << room;
  }
  EXPECT_EQ(Run(requests, Limits(4, 2)).answers, expected.answers);
}

// The second prompt takes longer lists, and so other memory, than what was recorded.
TEST_P(RecordedDecodeTest, RecordsAgainWhenListsHaveMoved) {
  std::vector<int32_t> longer(130);
  for (int i = 0; i < std::ssize(longer); ++i) longer[i] = (7 * i) % 500;
  const std::vector<NewSequence> requests = {GreedyRequest(0, {1}, 6), GreedyRequest(1, longer, 6)};
  SchedulerLimits limits = Limits(1, 1);
  limits.max_num_batched_tokens = 512;
  const Outcome outcome = Run(requests, limits);
  limits.decode_room = 0;
  EXPECT_EQ(outcome.answers, Run(requests, limits).answers);
  EXPECT_EQ(outcome.Sum(&StepCosts::recordings), 2);
  EXPECT_EQ(outcome.Sum(&StepCosts::graph_launches), 5 + 5);
}

INSTANTIATE_TEST_SUITE_P(Models, RecordedDecodeTest,
                         testing::Values(OCTET_SOURCE_DIR "/tests/golden/hf/basic",
                                         OCTET_SOURCE_DIR "/tests/golden/hf/sharded_bf16"),
                         [](const testing::TestParamInfo<const char*>& test) {
                           return std::string(test.index == 0 ? "float32" : "bfloat16");
                         });

}  // namespace
}  // namespace octet

#include "launch/bench/throughput_prompts.h"

#include <algorithm>

#include "runtime/model/random.h"

namespace octet {
namespace {

constexpr int kWarmUpTokens = 4;  // of each answer

// The choices of a prompt's line. The tokens of both are alike, as far as both go.
enum Choice : int32_t { kMeasured = 0, kWarmUp = 1 };

// Makes request `id`, whose tokens depend on its line (the prompt's number) and the seed.
NewSequence MakeRequest(int64_t id, int64_t prompt, Choice choice, const ThroughputOptions& o,
                        int output_len, const JobSetup& setup) {
  NewSequence request;
  request.set_id(id);
  request.set_line(prompt);
  request.set_choice(choice);
  for (int i = 0; i < o.prompt_len(); ++i) {
    const int64_t line = i < o.prefix_len ? -1 : prompt;
    const double u = Uniform({.seed = setup.engine.seed, .line = line, .choice = 0, .position = i});
    request.add_prompt_ids(static_cast<int32_t>(u * setup.model.config.vocab_size));
  }
  SamplingParams& params = *request.mutable_params();
  params.set_max_tokens(output_len);
  params.set_ignore_eos(true);
  params.set_temperature(o.sample ? 1 : 0);
  params.set_num_logprobs(-1);
  params.set_num_prompt_logprobs(-1);
  return request;
}

// Returns how many prompts warm up: those that fill a step, so that the memory that steps need has
// been touched before they count.
int CountWarmUp(const Communicator& world, const ThroughputOptions& o, const JobSetup& setup) {
  const SchedulerLimits& limits = setup.engine.limits;
  const int64_t groups = world.size() / limits.group_size;
  const int64_t of_group = std::min(int64_t{limits.max_num_seqs},
                                    1 + (limits.max_num_batched_tokens - 1) / o.prompt_len());
  const auto count = static_cast<int>(groups * of_group);
  return std::min(o.num_prompts, std::max(count, world.size()));
}

}  // namespace

Answers RunPrompts(const Communicator& world, const ThroughputOptions& o, const JobSetup& setup,
                   Engine& engine, StepRecorder& recorder, absl::FunctionRef<void()> begin) {
  const int num_warm_up = CountWarmUp(world, o, setup);
  const auto submit = [&](int first_id, int count, Choice choice, int output_len) {
    for (int i = 0; i < count; ++i) {
      engine.Submit(MakeRequest(first_id + i, i, choice, o, output_len, setup));
    }
  };
  Answers answers;
  bool warm = world.rank() != 0;
  if (!warm) submit(0, num_warm_up, kWarmUp, std::min(o.output_len, kWarmUpTokens));
  std::vector<FinishedSequence> finished;
  do {
    if (!warm && std::ssize(finished) == num_warm_up) {
      warm = true;
      answers.warm_up.swap(finished);
      answers.warm_up_steps = recorder.records().size();
      begin();
      engine.ForgetPages();
      submit(num_warm_up, o.num_prompts, kMeasured, o.output_len);
      engine.Close();
    }
  } while (recorder.Step(finished));
  answers.measured = std::move(finished);
  return answers;
}

bool AreRight(const Answers& answers, const ThroughputOptions& o) {
  std::vector<const FinishedSequence*> by_id(answers.warm_up.size() + o.num_prompts);
  for (const auto* sequences : {&answers.warm_up, &answers.measured}) {
    for (const FinishedSequence& f : *sequences) by_id[f.id()] = &f;
  }
  for (int i = 0; i < o.num_prompts; ++i) {
    const FinishedSequence* measured = by_id[answers.warm_up.size() + i];
    if (measured == nullptr || measured->token_ids_size() != o.output_len) return false;
    if (o.sample || i >= std::ssize(answers.warm_up)) continue;
    const auto& few = by_id[i]->token_ids();
    if (!std::equal(few.begin(), few.end(), measured->token_ids().begin())) return false;
  }
  return true;
}

}  // namespace octet

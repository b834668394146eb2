// Continues a prompt with the model of a directory, on the ranks that a launcher has started:
//
//   mpirun -n 4 generate MODEL PROMPT

#include <iostream>

#include "launch/console/console.h"
#include "launch/settings/run_config.h"
#include "launch/setup/session.h"
#include "parallel/transport/world.h"
#include "runtime/io/file.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {
namespace {

constexpr int kMaxTokens = 64;

// Greedy, as the parameters say nothing else.
NewSequence MakeSequence(std::span<const int32_t> prompt) {
  NewSequence sequence;
  sequence.mutable_prompt_ids()->Add(prompt.begin(), prompt.end());
  sequence.mutable_params()->set_max_tokens(kMaxTokens);
  sequence.mutable_params()->set_num_logprobs(-1);
  sequence.mutable_params()->set_num_prompt_logprobs(-1);
  return sequence;
}

// Collective: the answer on rank 0, nothing on the others; errors are the same on all ranks.
absl::StatusOr<std::string> Generate(Communicator& world, const RunConfig& config,
                                     const std::string& text) {
  PosixFileSystem files;
  const absl::StatusOr<JobSetup> setup = SetUpJob(world, config, files);
  if (!setup.ok()) return setup.status();
  const Tokenizer* tokenizer = setup->model.tokenizer.get();
  if (tokenizer == nullptr) return absl::NotFoundError("the model has no tokenizer");
  const std::vector<int32_t> prompt = tokenizer->EncodePrompt(text, /*add_special_tokens=*/true);
  if (std::ssize(prompt) + kMaxTokens > setup->engine.max_model_len) {
    return absl::InvalidArgumentError("the prompt is too long for the model");
  }
  const absl::StatusOr<std::unique_ptr<Session>> session =
      Session::Load(world, *setup, config.timeout(), [](uint64_t /*done*/, uint64_t /*total*/) {});
  if (!session.ok()) return session.status();

  Engine& engine = (*session)->engine();
  if (world.rank() == 0) engine.Submit(MakeSequence(prompt));
  engine.Close();
  std::vector<FinishedSequence> finished;
  while (engine.Step(finished)) continue;

  std::string answer;
  StreamingDecoder decoder(*tokenizer, prompt);
  for (const FinishedSequence& sequence : finished) {
    for (const int32_t id : sequence.token_ids()) answer += decoder.Add(id);
  }
  return answer + decoder.Finish();
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  using octet::ExitCode;
  octet::World world(&argc, &argv);
  octet::Communicator& ranks = world.communicator();
  absl::StatusOr<std::string> answer = absl::InvalidArgumentError("usage: generate MODEL PROMPT");
  if (argc == 3) {
    octet::RunConfig config = octet::DefaultRunConfig();
    config.set_model(argv[1]);
    answer = octet::Generate(ranks, config, argv[2]);
  }
  if (!answer.ok()) {
    return static_cast<int>(octet::ExitWith(ranks, answer.status(), ExitCode::kCannotServe));
  }
  if (ranks.rank() == 0) std::cout << *answer << "\n";
  return static_cast<int>(ExitCode::kDone);
}

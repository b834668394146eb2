#include "runtime/model_runner.h"

#include <algorithm>

namespace octet {

StepResult ModelRunner::Run(const RankStep& step) {
  batch_.Clear();
  sampled_ids_.clear();
  sample_requests_.clear();
  for (const NewSequence& added : step.admit()) Admit(added);
  for (const Chunk& chunk : step.chunks()) AddChunk(chunk);

  const Workspace::Scope scope(context_.workspace);
  const Matrix logits = model_.Forward(batch_);
  const std::vector<Sample>& samples = sampler_.Draw(logits, sample_requests_);

  StepResult result;
  for (size_t i = 0; i < sampled_ids_.size(); ++i) {
    const auto found = sequences_.find(sampled_ids_[i]);
    Sequence& sequence = *found->second;
    if (!Append(samples[i], sequence)) continue;
    kv_cache_.Release(sequence.pages);
    result.add_finished()->Swap(&sequence.result);
    sequences_.erase(found);
  }
  return result;
}

void ModelRunner::Admit(const NewSequence& added) {
  auto sequence = std::make_unique<Sequence>();
  sequence->line = added.line();
  sequence->choice = added.choice();
  sequence->params = added.params();
  sequence->tokens.assign(added.prompt_ids().begin(), added.prompt_ids().end());
  sequence->num_prompt = std::ssize(sequence->tokens);
  sequence->result.set_id(added.id());
  OCTET_CHECK(sequences_.emplace(added.id(), std::move(sequence)).second) << added.id();
}

void ModelRunner::AddChunk(const Chunk& chunk) {
  const auto found = sequences_.find(chunk.id());
  OCTET_CHECK(found != sequences_.end()) << chunk.id();
  Sequence& s = *found->second;
  const int64_t end = s.num_computed + chunk.num_tokens();
  OCTET_CHECK(chunk.num_tokens() > 0 && end <= std::ssize(s.tokens));
  kv_cache_.Grow(s.pages, end);
  batch_.spans.push_back({.first_row = batch_.num_tokens(),
                          .num_rows = chunk.num_tokens(),
                          .start_pos = s.num_computed,
                          .pages = s.pages});
  for (int64_t position = s.num_computed; position < end; ++position) {
    batch_.tokens.push_back(s.tokens[position]);
    batch_.positions.push_back(static_cast<int32_t>(position));
  }
  s.num_computed = end;
  if (end < std::ssize(s.tokens)) return;
  batch_.logit_rows.push_back(static_cast<int32_t>(batch_.num_tokens() - 1));
  sampled_ids_.push_back(chunk.id());
  sample_requests_.push_back(MakeSampleRequest(s));
}

SampleRequest ModelRunner::MakeSampleRequest(const Sequence& s) const {
  const bool own_seed = s.params.has_seed();
  return {.temperature = s.params.temperature(),
          .key = {.seed = own_seed ? s.params.seed() : seed_,
                  .line = own_seed ? -1 : s.line,
                  .choice = s.choice,
                  .position = static_cast<int32_t>(std::ssize(s.tokens) - s.num_prompt)},
          .num_logprobs = s.params.num_logprobs()};
}

bool ModelRunner::Append(const Sample& sample, Sequence& s) const {
  s.tokens.push_back(sample.token);
  s.result.add_token_ids(sample.token);
  if (s.params.num_logprobs() >= 0) {
    s.result.add_logprobs(sample.logprob);
    *s.result.add_top_logprobs() = sample.top;
  }
  const std::vector<int32_t>& eos = config_.eos_token_ids;
  const bool is_eos = std::find(eos.begin(), eos.end(), sample.token) != eos.end();
  if (is_eos && !s.params.ignore_eos()) {
    s.result.set_finish_reason(STOP);
    return true;
  }
  s.result.set_finish_reason(LENGTH);
  return s.result.token_ids_size() == s.params.max_tokens();
}

}  // namespace octet

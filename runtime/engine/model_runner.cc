#include "runtime/engine/model_runner.h"

#include <algorithm>

namespace octet {
namespace {

bool Contains(const auto& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// A sequence that was cancelled may have given its pages back, with what they say of its experts.
bool EndedByItself(const FinishedSequence& finished) {
  return finished.finish_reason() != NOT_FINITE && finished.finish_reason() != CANCELLED;
}

}  // namespace

StepResult& ModelRunner::Run(const RankStep& step) {
  batch_.Clear();
  logit_rows_.clear();
  ended_.clear();
  result_.Clear();
  const int num_micro_batches = step.overlap() ? kMaxMicroBatches : 1;
  if (recorder_ != nullptr) recorder_->Begin(*result_.mutable_routing(), num_micro_batches);
  for (const int64_t id : step.cancel()) Cancel(id);
  for (const int64_t id : step.preempt()) Preempt(id);
  for (const NewSequence& added : step.admit()) Admit(added);
  for (const PageCopy& copy : step.copies()) {
    kv_cache_.Copy(copy.from(), copy.to());
    if (notes_) notes_->Copy(copy.from(), copy.to());
  }
  for (const Chunk& chunk : step.chunks()) AddChunk(chunk);
  positions_seen_ += model_.CountSeen(batch_);

  const Workspace::Scope scope(context_.workspace);
  if (step.has_decode() && model_.CanDecode()) {
    Decode(step.decode());
  } else {
    const Matrix hidden = model_.Forward(batch_, num_micro_batches);
    if (routing_results_.in_sequences) KeepRoutedExperts(step);
    UseHidden(hidden);
  }
  if (guesses_) ReportDrafts(step);
  for (Sequence* s : ended_) Finish(*s);
  if (recorder_ != nullptr) recorder_->End();
  if (!routing_results_.in_steps) result_.clear_routing();
  return result_;
}

ModelRunner::Sequence& ModelRunner::Find(int64_t id) {
  const auto found = sequences_.find(id);
  OCTET_CHECK(found != sequences_.end()) << id;
  return *found->second;
}

void ModelRunner::Admit(const NewSequence& added) {
  auto owned = std::make_unique<Sequence>();
  Sequence& s = *owned;
  OCTET_CHECK(sequences_.emplace(added.id(), std::move(owned)).second) << added.id();
  s.line = added.line();
  s.choice = added.choice();
  s.params = added.params();
  s.num_prompt = added.prompt_ids_size();
  const int64_t longest = s.num_prompt + s.params.max_tokens();
  s.tokens.reserve(longest);
  s.pages.reserve(KvCache::PagesFor(longest));
  s.tokens.assign(added.prompt_ids().begin(), added.prompt_ids().end());
  s.result.set_id(added.id());
  if (!s.params.stop().empty()) {
    OCTET_CHECK(tokenizer_ != nullptr);
    s.stop_matcher.emplace(*tokenizer_, s.prompt(), s.params);
  }
  if (s.params.has_constraint()) {
    OCTET_CHECK(tokenizer_ != nullptr);
    s.guide = constraints_.MakeGuide(s.params, s.prompt());
  }
}

void ModelRunner::Preempt(int64_t id) {
  Sequence& s = Find(id);
  num_pages_ -= std::ssize(s.pages);
  s.pages.clear();
  s.num_computed = 0;
}

void ModelRunner::Cancel(int64_t id) {
  Sequence& s = Find(id);
  s.result.set_finish_reason(CANCELLED);
  Finish(s);
}

// The tokens from the first that is not computed to `end`.
TokenRun ModelRunner::DescribeRun(const Sequence& s, int64_t end) {
  TokenRun run;
  run.set_line(s.line);
  run.set_choice(s.choice);
  run.set_first_position(static_cast<int32_t>(s.num_computed));
  run.set_num_tokens(static_cast<int32_t>(end - s.num_computed));
  if (s.num_computed == 0) run.set_prompt_tokens(static_cast<int32_t>(s.num_prompt));
  return run;
}

// Call it before the chunk counts as computed.
void ModelRunner::Record(Sequence& s, const Chunk& chunk) {
  if (chunk.first_position() > s.num_computed) {
    for (const FoundRun& found : notes_->Found(s.pages, DescribeRun(s, chunk.first_position()))) {
      recorder_->AddFound(found);
    }
    s.num_computed = chunk.first_position();
  }
  const TokenRun run = DescribeRun(s, chunk.first_position() + chunk.num_tokens());
  recorder_->AddRun(run);
  notes_->SetAnswer(s.pages, run);
}

void ModelRunner::AddChunk(const Chunk& chunk) {
  Sequence& s = Find(chunk.id());
  s.pages.insert(s.pages.end(), chunk.pages().begin(), chunk.pages().end());
  num_pages_ += chunk.pages_size();
  const int64_t begin = chunk.first_position();
  const int64_t end = begin + chunk.num_tokens();
  const int64_t num_drafts = std::max<int64_t>(0, end - std::ssize(s.tokens));
  OCTET_CHECK(begin >= s.num_computed && begin < end - num_drafts &&
              KvCache::PagesFor(end) <= std::ssize(s.pages))
      << s.num_computed << ' ' << begin << ' ' << end << ' ' << s.pages.size();
  if (recorder_ != nullptr) Record(s, chunk);
  batch_.spans.push_back({.first_row = batch_.num_tokens(),
                          .num_rows = chunk.num_tokens(),
                          .start_pos = begin,
                          .pages = s.pages});
  batch_.lines.push_back(s.line);
  const int64_t num_known = std::ssize(s.tokens);
  if (num_drafts > 0) s.lookup.AddDraft(num_drafts, s.tokens);
  for (int64_t position = begin; position < end; ++position) {
    batch_.tokens.push_back(s.tokens[position]);
    batch_.positions.push_back(static_cast<int32_t>(position));
    AddLogitRow(s, position, position + 1 >= num_known);
  }
  s.num_computed = end - num_drafts;
}

// Adds a row if the logits after this token are needed: after the last token, draft tokens, and
// each prompt token whose logprobs were requested and not computed before a preemption.
void ModelRunner::AddLogitRow(Sequence& s, int64_t position, bool is_drawn) {
  const bool of_prompt = position + 1 < s.num_prompt && s.params.num_prompt_logprobs() >= 0 &&
                         position >= s.result.prompt_logprobs_size();
  if (!of_prompt && !is_drawn) return;
  batch_.logit_rows.push_back(static_cast<int32_t>(batch_.num_tokens() - 1));
  LogitRow& row = logit_rows_.emplace_back(LogitRow{.sequence = &s, .position = position});
  row.is_processed = row.is_drawn() && LogitsProcessors::Change(MakeSampleRequest(row));
}

// Stores the experts of this step's tokens with their pages.
void ModelRunner::KeepRoutedExperts(const RankStep& step) {
  const std::string& experts = result_.routing().experts();
  if (batch_.num_tokens() == 0) return;
  const size_t row_bytes = experts.size() / batch_.num_tokens();
  size_t from = 0;
  for (const Chunk& chunk : step.chunks()) {
    const size_t bytes = chunk.num_tokens() * row_bytes;
    notes_->SetExperts(Find(chunk.id()).pages, chunk.first_position(),
                       std::string_view(experts).substr(from, bytes), row_bytes);
    from += bytes;
  }
}

void ModelRunner::Decode(const DecodeRoom& room) {
  const Matrix logits = model_.Decode(batch_, {.tokens = room.tokens(), .context = room.context()});
  UseLogits(logits.Rows(0, batch_.num_tokens()), logit_rows_);
}

void ModelRunner::UseHidden(ConstMatrix hidden) {
  if (hidden.rows == 0) Await();
  for (int64_t first = 0; first < hidden.rows; first += kLogitRows) {
    const int64_t count = std::min(kLogitRows, hidden.rows - first);
    const Workspace::Scope scope(context_.workspace);
    UseLogits(model_.Logits(hidden.Rows(first, count)),
              std::span<const LogitRow>(logit_rows_).subspan(first, count));
  }
}

void ModelRunner::UseLogits(ConstMatrix logits, std::span<const LogitRow> rows) {
  const Workspace::Scope host_scope(host_.workspace);
  DrawTokens(logits, rows);
  const ConstMatrix on_host = ToHost(logits, rows);
  Await();
  for (int64_t i = 0; i < logits.rows; ++i) {
    if (!IsUsed(rows[i])) continue;
    if (are_finite_[i] == 0) {
      Fail(*rows[i].sequence);
    } else {
      UseRow(on_host.rows > 0 ? on_host.Rows(i, 1) : on_host, rows[i], drawn_[i]);
    }
  }
}

// Not used is what comes behind a wrong draft token, or behind the answer's end.
bool ModelRunner::IsUsed(const LogitRow& row) {
  const Sequence& s = *row.sequence;
  return !s.has_ended && (!row.is_drawn() || row.position + 1 == s.num_computed);
}

// After it, nothing of the step is left to do, so that experts may move.
void ModelRunner::Await() {
  model_.Await();
  context_.backend.Synchronize();
}

bool ModelRunner::NeedsHost(const LogitRow& row) {
  return !row.is_drawn() || row.sequence->params.num_logprobs() >= 0 || row.is_processed;
}

// Draws a token from each row, also where none is needed: the greatest logit costs little.
void ModelRunner::DrawTokens(ConstMatrix logits, std::span<const LogitRow> rows) {
  const PhaseClock::Scope timing(context_.clock, Phase::kSampling);
  const Workspace::Scope scope(context_.workspace);
  draws_.assign(rows.size(), {});
  drawn_.resize(rows.size());
  are_finite_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const LogitRow& row = rows[i];
    if (!row.is_drawn() || !row.exists() || row.is_processed) continue;
    draws_[i] = DrawOf(MakeSampleRequest(row));
  }
  const Matrix room =
      context_.workspace.Alloc(std::min(kProbabilityRows, logits.rows), logits.cols);
  context_.backend.DrawTokens(logits, draws_, room, drawn_, are_finite_);
}

// Returns the logits in memory of the host, after the next Synchronize; no rows if none are needed.
ConstMatrix ModelRunner::ToHost(ConstMatrix logits, std::span<const LogitRow> rows) {
  if (context_.backend.is_on_host()) return logits;
  if (std::ranges::none_of(rows, NeedsHost)) return {};
  const Matrix copy = host_.workspace.Alloc(logits.rows, logits.cols);
  context_.backend.CopyToHost(logits, copy);
  return copy;
}

// drawn: a token from the raw logits.
void ModelRunner::UseRow(ConstMatrix logits, const LogitRow& row, int32_t drawn) {
  Sequence& s = *row.sequence;
  const SamplingParams& params = s.params;
  if (!row.is_drawn()) {
    return sampler_.Logprob(logits, s.tokens[row.position + 1], params.num_prompt_logprobs(),
                            *s.result.add_prompt_logprobs());
  }
  const int32_t token = row.is_processed ? sampler_.Draw(logits, MakeSampleRequest(row)) : drawn;
  AddToken(s, token);
  SampledToken& sampled = *result_.add_sampled();
  sampled.set_id(s.result.id());
  sampled.set_token(token);
  if (params.num_logprobs() >= 0) {
    sampler_.Logprob(logits, token, params.num_logprobs(), *s.result.add_logprobs());
  }
  const int64_t num_tokens = row.position + 2;
  if (guesses_) s.lookup.Add(std::span(s.tokens).first(num_tokens));
  if (!IsFinished(s, s.answer().first(num_tokens - s.num_prompt))) return;
  s.tokens.resize(num_tokens);
  End(s);
}

// A draft token that is right stays, and for now those behind it.
void ModelRunner::AddToken(Sequence& s, int32_t token) {
  const bool was_accepted =
      s.num_computed < std::ssize(s.tokens) && s.tokens[s.num_computed] == token;
  if (was_accepted) {
    ++s.num_computed;
  } else {
    s.tokens.resize(s.num_computed);
    s.tokens.push_back(token);
  }
}

// Later rows of this step may belong to it, so Run finishes it after all rows.
void ModelRunner::End(Sequence& s) {
  s.has_ended = true;
  ended_.push_back(&s);
}

void ModelRunner::Fail(Sequence& s) {
  s.tokens.resize(s.num_prompt);
  s.result.clear_logprobs();
  s.result.clear_prompt_logprobs();
  s.result.set_finish_reason(NOT_FINITE);
  End(s);
}

void ModelRunner::ReportDrafts(const RankStep& step) {
  for (const Chunk& chunk : step.chunks()) {
    const Sequence& s = Find(chunk.id());
    const bool has_drawn = s.num_computed + 1 == std::ssize(s.tokens);
    if (s.has_ended || !has_drawn || !s.lookup.has_guess()) continue;
    Draft& draft = *result_.add_drafts();
    draft.set_id(chunk.id());
    draft.set_num_right(s.lookup.num_right());
  }
}

SampleRequest ModelRunner::MakeSampleRequest(const LogitRow& row) const {
  const Sequence& s = *row.sequence;
  const bool own_seed = s.params.has_seed();
  return {.params = s.params,
          .prompt = s.prompt(),
          .answer = row.answer(),
          .eos_token_ids = config_.eos_token_ids,
          .key = {.seed = own_seed ? s.params.seed() : seed_,
                  .line = own_seed ? -1 : s.line,
                  .choice = s.choice,
                  .position = static_cast<int32_t>(row.answer().size())},
          .guide = s.guide.get()};
}

// answer: so far, with the newest token.
bool ModelRunner::IsFinished(Sequence& s, std::span<const int32_t> answer) const {
  const int32_t token = answer.back();
  // Before min_tokens, a token that ends the answer is drawn only if all tokens are banned.
  const bool may_end = s.guide ? s.guide->may_end() : std::ssize(answer) >= s.params.min_tokens();
  s.result.set_finish_reason(STOP);
  if (may_end && !s.params.ignore_eos() && Contains(config_.eos_token_ids, token)) return true;
  if (may_end && Contains(s.params.stop_token_ids(), token)) {
    s.result.set_stop_token(token);
    return true;
  }
  if (s.stop_matcher) {
    if (const std::optional<StopText> text = s.stop_matcher->Add(token)) {
      *s.result.mutable_stop_text() = *text;
      return true;
    }
  }
  s.result.set_finish_reason(LENGTH);
  return std::ssize(answer) == s.params.max_tokens();
}

void ModelRunner::Finish(Sequence& s) {
  s.result.mutable_token_ids()->Add(s.answer().begin(), s.answer().end());
  if (routing_results_.in_sequences && EndedByItself(s.result)) {
    s.result.set_routed_experts(notes_->Experts(s.pages, s.num_computed));
  }
  num_pages_ -= std::ssize(s.pages);
  const int64_t id = s.result.id();
  result_.add_finished()->Swap(&s.result);
  sequences_.erase(id);
}

}  // namespace octet

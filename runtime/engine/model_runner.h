// The runner of one rank's sequences.

#ifndef OCTET_RUNTIME_ENGINE_MODEL_RUNNER_H_
#define OCTET_RUNTIME_ENGINE_MODEL_RUNNER_H_

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/answer_guide.h"
#include "runtime/engine/page_notes.h"
#include "runtime/engine/prompt_lookup.h"
#include "runtime/engine/sampler.h"
#include "runtime/engine/stop_matcher.h"
#include "runtime/model/batch.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/mixtral.h"
#include "runtime/trace/routing_recorder.h"

namespace octet {

// A runner that does what the scheduler decided. It computes chunks of its sequences, in the pages
// that the scheduler gave them, samples a token when a sequence is computed up to its end, and
// reports finished sequences. A chunk may end with draft tokens. Each token is drawn by its key
// whether or not it was guessed; the sequence takes the draft tokens that come out as guessed, so
// that the answer is the same. If a sequence needs logits that are NaN or infinite, it ends there,
// whatever it asked for.
class ModelRunner {
 public:
  // Rows of logits that are computed at a time. With a large vocabulary, the logits of all tokens
  // of a prompt would take more memory than the rest of the step.
  static constexpr int64_t kLogitRows = 128;

  // Rows of probabilities that are there at a time.
  static constexpr int64_t kProbabilityRows = 16;

  // `host` computes on the host's memory; it is `context` if the device is the host. `tokenizer`
  // may be null; then no request has stop texts or a constraint. `seed` is the run's seed, for
  // requests without one. The arguments must outlive this object.
  ModelRunner(const ExecutionContext& context, const ExecutionContext& host,
              const ModelConfig& config, const Tokenizer* tokenizer, Mixtral& model,
              KvCache& kv_cache, int64_t seed)
      : context_(context),
        host_(host),
        config_(config),
        tokenizer_(tokenizer),
        model_(model),
        kv_cache_(kv_cache),
        constraints_(tokenizer, config.vocab_size),
        sampler_(host),
        seed_(seed) {}

  // The results that contain the experts of tokens.
  struct RoutingResults {
    bool in_steps = false;      // StepResult::routing
    bool in_sequences = false;  // FinishedSequence::routed_experts
  };

  // Records routing from now on.
  void SetRecorder(RoutingRecorder* recorder, RoutingResults results) {
    recorder_ = recorder;
    routing_results_ = results;
    notes_.emplace(kv_cache_.num_pages());
  }

  // Guesses tokens, and reports which sequences have guesses, from now on.
  void StartGuessing() { guesses_ = true; }

  // Collective. Makes one forward pass on every rank, even if `step` has no chunks. The caller may
  // add to the result. It is valid until the next call.
  StepResult& Run(const RankStep& step);

  // The (token, position) pairs of attention so far, over all layers.
  int64_t positions_seen() const { return positions_seen_; }

  // The pages of its sequences, each as often as it is used.
  int64_t num_pages() const { return num_pages_; }

 private:
  struct Sequence {
    int64_t line;
    int32_t choice;
    SamplingParams params;
    std::vector<int32_t> tokens;  // prompt and answer; in a step, then draft tokens
    int64_t num_prompt;
    int64_t num_computed = 0;  // tokens that are right, with their keys and values stored
    std::vector<int32_t> pages;
    std::optional<StopMatcher> stop_matcher;  // if the request has stop texts
    std::unique_ptr<AnswerGuide> guide;       // if its answer has a constraint
    PromptLookup lookup;
    bool has_ended = false;
    FinishedSequence result;

    std::span<const int32_t> prompt() const { return std::span(tokens).first(num_prompt); }
    std::span<const int32_t> answer() const { return std::span(tokens).subspan(num_prompt); }
  };

  // A row of batch_.logit_rows: the logits after the sequence's token `position`.
  struct LogitRow {
    Sequence* sequence;
    int64_t position;
    bool is_processed = false;  // whether the request changes the logits before a token is drawn

    // Whether the logits are for a token of the answer. The first of a step is the next one.
    bool is_drawn() const { return position + 1 >= sequence->num_prompt; }

    // Whether the sequence still has the token. It has none behind a wrong draft token.
    bool exists() const { return position < std::ssize(sequence->tokens); }

    // The answer before the token that is drawn.
    std::span<const int32_t> answer() const {
      return sequence->answer().first(position + 1 - sequence->num_prompt);
    }
  };

  void Admit(const NewSequence& added);
  void Preempt(int64_t id);
  void Cancel(int64_t id);
  static TokenRun DescribeRun(const Sequence& s, int64_t end);
  void Record(Sequence& s, const Chunk& chunk);
  void AddChunk(const Chunk& chunk);
  void AddLogitRow(Sequence& s, int64_t position, bool is_drawn);
  void KeepRoutedExperts(const RankStep& step);
  Sequence& Find(int64_t id);

  void Decode(const DecodeRoom& room);
  void UseHidden(ConstMatrix hidden);
  void UseLogits(ConstMatrix logits, std::span<const LogitRow> rows);
  void Await();
  void DrawTokens(ConstMatrix logits, std::span<const LogitRow> rows);
  static bool NeedsHost(const LogitRow& row);
  ConstMatrix ToHost(ConstMatrix logits, std::span<const LogitRow> rows);
  static bool IsUsed(const LogitRow& row);
  void UseRow(ConstMatrix logits, const LogitRow& row, int32_t drawn);
  static void AddToken(Sequence& s, int32_t token);
  void Fail(Sequence& s);
  void End(Sequence& s);
  void ReportDrafts(const RankStep& step);
  SampleRequest MakeSampleRequest(const LogitRow& row) const;
  bool IsFinished(Sequence& s, std::span<const int32_t> answer) const;  // sets the reason
  void Finish(Sequence& s);

  const ExecutionContext& context_;
  const ExecutionContext& host_;
  const ModelConfig& config_;
  const Tokenizer* tokenizer_;
  Mixtral& model_;
  KvCache& kv_cache_;
  Constraints constraints_;  // outlives the sequences' guides
  Sampler sampler_;
  int64_t seed_;
  RoutingRecorder* recorder_ = nullptr;
  RoutingResults routing_results_;
  std::optional<PageNotes> notes_;  // with a recorder
  bool guesses_ = false;

  absl::flat_hash_map<int64_t, std::unique_ptr<Sequence>> sequences_;
  Batch batch_;
  std::vector<LogitRow> logit_rows_;

  // The rows of logits that are used at a time.
  std::vector<TokenDraw> draws_;
  std::vector<int32_t> drawn_;
  std::vector<int32_t> are_finite_;

  std::vector<Sequence*> ended_;  // in this step
  StepResult result_;
  int64_t positions_seen_ = 0;
  int64_t num_pages_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_MODEL_RUNNER_H_

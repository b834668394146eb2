#include "launch/bench/masks.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>
#include <utility>
#include <vector>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"
#include "kernels/base/quantile.h"
#include "kernels/base/workspace.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "launch/console/console.h"
#include "launch/statistics/seconds_since.h"
#include "runtime/checkpoint/gguf_model_files.h"
#include "runtime/engine/logits_processors.h"
#include "runtime/structured/constraint.h"

namespace octet {
namespace {

constexpr NumberRange<int> kAnswers = {1, 10'000};
constexpr NumberRange<int> kAnswerLengths = {1, 10'000};
constexpr NumberRange<int> kStepTimes = {1, 1'000'000};

// The constraints that are measured: one of each kind, and a schema as people write them.
std::vector<std::pair<std::string, AnswerConstraint>> MeasuredConstraints() {
  std::vector<std::pair<std::string, AnswerConstraint>> constraints(5);
  constraints[0].first = "choice";
  for (const char* text : {"positive", "negative", "neutral"}) {
    constraints[0].second.mutable_choice()->add_text(text);
  }
  constraints[1].first = "regex";
  constraints[1].second.set_regex(R"([a-z0-9.]{1,20}@\w{6,10}\.com\n)");
  constraints[2].first = "any text";
  constraints[2].second.set_regex("(.|\n)*");
  constraints[3].first = "json object";
  constraints[3].second.set_json_object(true);
  constraints[4].first = "json schema";
  constraints[4].second.set_json_schema(
      R"({"type": "object", "properties": {"name": {"type": "string", "minLength": 1,
          "maxLength": 40}, "born": {"type": "string", "format": "date"}, "email": {"type":
          "string", "pattern": "^[a-z.]+@[a-z]+\\.[a-z]{2,5}$", "maxLength": 60}, "score":
          {"type": "number", "minimum": 0, "maximum": 10}, "count": {"type": "integer",
          "multipleOf": 5}, "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]},
          "uniqueItems": true}, "notes": {"type": "string"}, "parts": {"type": "array", "items":
          {"$ref": "#"}}}, "required": ["name", "born", "email", "score", "count", "tags"]})");
  return constraints;
}

// Answers to one constraint, token by token.
class MaskedAnswers {
 public:
  MaskedAnswers(const AnswerConstraint& constraint, const Tokenizer& tokenizer)
      : tokenizer_(tokenizer),
        constraints_(&tokenizer, tokenizer.vocab_size()),
        backend_(MakeCpuBackend(SupportedIsas().front(), 1)),
        workspace_([this](size_t bytes) { return backend_->Allocate(bytes); }),
        logits_(tokenizer.vocab_size()) {
    *params_.mutable_constraint() = constraint;
  }

  // Returns the answer's number of tokens. Adds the seconds of each to those with a new mask, or
  // with a known one.
  int Draw(int length, MaskTimes& times, std::vector<double>& found, std::vector<double>& known) {
    const std::vector<int32_t> prompt = {1, 300};
    const std::vector<int32_t> ends = {tokenizer_.eos_id()};
    const std::unique_ptr<AnswerGuide> guide = constraints_.MakeGuide(params_, prompt);
    std::vector<int32_t> answer;
    while (std::ssize(answer) < length) {
      const SampleRequest request = {.params = params_,
                                     .prompt = prompt,
                                     .answer = answer,
                                     .eos_token_ids = ends,
                                     .key = {},
                                     .guide = guide.get()};
      const size_t bytes = constraints_.bytes();
      const Workspace::Scope scope(workspace_);
      const auto begin = std::chrono::steady_clock::now();
      const ConstMatrix row =
          processors_.Apply(workspace_,
                            {.data = reinterpret_cast<const std::byte*>(logits_.data()),
                             .dtype = DType::kF32,
                             .rows = 1,
                             .cols = std::ssize(logits_),
                             .stride = std::ssize(logits_)},
                            request);
      const double seconds = SecondsSince(begin);
      (constraints_.bytes() > bytes ? found : known).push_back(seconds);
      times.bytes = std::max(times.bytes, constraints_.bytes());
      const int32_t next = DrawAllowed(row);
      if (next == ends[0]) break;
      answer.push_back(next);
    }
    return static_cast<int>(answer.size());
  }

 private:
  int32_t DrawAllowed(ConstMatrix row) {
    std::vector<int32_t> allowed;
    for (int64_t id = 0; id < row.cols; ++id) {
      if (row.f32(0)[id] >= 0) allowed.push_back(static_cast<int32_t>(id));
    }
    return allowed[random_() % allowed.size()];
  }

  const Tokenizer& tokenizer_;
  Constraints constraints_;
  SamplingParams params_;
  std::unique_ptr<Backend> backend_;
  Workspace workspace_;
  LogitsProcessors processors_;
  std::vector<float> logits_;  // zeros
  std::mt19937 random_;
};

class BenchMasks : public Subcommand {
 public:
  explicit BenchMasks(CommandLine& bench)
      : Subcommand(bench, "masks", "what structured outputs cost a step") {
    line().AddRequiredText("--model", model_,
                           "model directory, GGUF file, tokenizer.model or tokenizer.json");
    line().AddCount("--answers", answers_, kAnswers, "answers to each constraint");
    line().AddCount("--length", length_, kAnswerLengths, "their most tokens");
    line().AddCount("--step-ms", step_ms_, kStepTimes,
                    "a decode step, of which shares are printed");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    const absl::StatusOr<Tokenizer> tokenizer = LoadModelTokenizer(files, model_);
    if (!tokenizer.ok()) return ExitWith(world, tokenizer.status(), ExitCode::kCannotServe);
    std::cout << absl::StrFormat("%d tokens; shares of a step of %d ms\n", tokenizer->vocab_size(),
                                 step_ms_);
    for (const auto& [name, constraint] : MeasuredConstraints()) {
      const MaskTimes t = TimeMasks(name, constraint, *tokenizer, answers_, length_);
      const double step = step_ms_ / 1000.0;
      std::cout << absl::StrFormat(
          "%-12s grammar %6.2f ms; %5d masks found in %7.1f us, at most %8.1f us (%.2f %% and "
          "%.2f %%); known in %5.1f us (%.3f %%); %d tokens, %.2f MiB\n",
          t.name, t.grammar_seconds * 1e3, t.masks, t.found_median * 1e6, t.found_most * 1e6,
          100 * t.found_median / step, 100 * t.found_most / step, t.known_median * 1e6,
          100 * t.known_median / step, t.tokens, static_cast<double>(t.bytes) / (1 << 20));
    }
    return ExitCode::kDone;
  }

 private:
  std::string model_;
  int answers_ = 50;
  int length_ = 100;
  int step_ms_ = 100;
};

}  // namespace

MaskTimes TimeMasks(const std::string& name, const AnswerConstraint& constraint,
                    const Tokenizer& tokenizer, int answers, int length) {
  MaskTimes times = {.name = name};
  const auto begin = std::chrono::steady_clock::now();
  OCTET_CHECK(MakeGrammar(constraint).ok()) << name;
  times.grammar_seconds = SecondsSince(begin);
  MaskedAnswers masked(constraint, tokenizer);
  std::vector<double> found;
  std::vector<double> known;
  for (int i = 0; i < answers; ++i) times.tokens += masked.Draw(length, times, found, known);
  times.masks = std::ssize(found);
  times.found_most = found.empty() ? 0 : *std::max_element(found.begin(), found.end());
  times.found_median = found.empty() ? 0 : Median(found);
  times.known_median = known.empty() ? 0 : Median(known);
  return times;
}

std::unique_ptr<Subcommand> AddBenchMasks(CommandLine& bench) {
  return std::make_unique<BenchMasks>(bench);
}

}  // namespace octet

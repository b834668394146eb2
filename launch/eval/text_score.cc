#include "launch/eval/text_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

// The windows that wait for their turn, so that a long text is not cut all at once.
constexpr int64_t kAhead = 256;

NewSequence MakeRequest(int64_t id, const ScoredWindow& window) {
  NewSequence request;
  request.set_id(id);
  request.set_line(id);
  request.mutable_prompt_ids()->Add(window.prompt.begin(), window.prompt.end());
  SamplingParams& params = *request.mutable_params();
  params.set_max_tokens(1);
  params.set_ignore_eos(true);
  params.set_num_logprobs(-1);
  params.set_num_prompt_logprobs(0);
  return request;
}

// A window that waits for its answer.
struct Pending {
  int64_t first_scored = 1;
  double nats = 0;
};

// Adds the scores of a window's answer, and returns their number.
int64_t Score(const FinishedSequence& finished, Pending& window) {
  if (finished.finish_reason() == NOT_FINITE) return 0;
  for (int i = static_cast<int>(window.first_scored) - 1; i < finished.prompt_logprobs_size();
       ++i) {
    window.nats -= finished.prompt_logprobs(i).logprob();
  }
  return finished.prompt_logprobs_size() - (window.first_scored - 1);
}

}  // namespace

int64_t TextWindows::count() const {
  const int64_t rest = std::max<int64_t>(0, std::ssize(ids_) - window_);
  return 1 + (rest + stride_ - 1) / stride_;
}

int64_t TextWindows::End(int64_t index) const {
  return index < 0 ? 0 : std::min(index * stride_ + window_, std::ssize(ids_));
}

ScoredWindow TextWindows::Get(int64_t index) const {
  const int64_t begin = index * stride_;
  const auto tokens = ids_.subspan(begin, End(index) - begin);
  ScoredWindow window = {.prompt = {bos_}, .first_scored = 1 + End(index - 1) - begin};
  window.prompt.insert(window.prompt.end(), tokens.begin(), tokens.end());
  if (index == 0) window.first_scored = 1;
  return window;
}

double TextScore::Perplexity() const { return std::exp(NatsPerToken()); }

TextScore ScoreWindows(Engine& engine, int rank, int64_t count,
                       const std::function<ScoredWindow(int64_t index)>& get) {
  const bool root = rank == 0;
  std::vector<Pending> windows;  // by index, so the order of arrival has no effect
  std::vector<FinishedSequence> finished;
  TextScore score;
  do {
    for (const FinishedSequence& f : finished) {
      score.finite = score.finite && f.finish_reason() != NOT_FINITE;
      score.tokens += Score(f, windows[f.id()]);
    }
    finished.clear();
    if (root && !score.finite) engine.Drain();
    while (root && score.finite && std::ssize(windows) < count && engine.num_waiting() < kAhead) {
      const ScoredWindow window = get(std::ssize(windows));
      engine.Submit(MakeRequest(std::ssize(windows), window));
      windows.push_back({.first_scored = window.first_scored});
    }
    if (root && std::ssize(windows) == count) engine.Close();
  } while (engine.Step(finished));
  OCTET_CHECK(finished.empty());
  for (const Pending& window : windows) score.nats += window.nats;
  return score;
}

}  // namespace octet

#include "runtime/trace/traced_counts.h"

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "runtime/trace/routing_recorder.h"
#include "runtime/trace/trace_check.h"
#include "runtime/trace/trace_reader.h"
#include "runtime/trace/traced_attempt.h"

namespace octet {
namespace {

// The most sets that are kept of tokens with other than two experts.
constexpr int64_t kMostSets = 4096;

// A collector of the sets of one layer.
class SetCollector {
 public:
  SetCollector(int num_experts, int topk)
      : num_experts_(num_experts),
        topk_(topk),
        pairs_(topk == 2 ? static_cast<size_t>(num_experts) * num_experts : 0) {}

  void AddPair(int a, int b) { ++pairs_[int64_t{a} * num_experts_ + b]; }

  // Keeps every stride-th set; if there are too many, every second of them.
  void AddSet(std::span<const int32_t> experts) {
    if (topk_ > kMostTopk || seen_++ % stride_ != 0) return;
    kept_.insert(kept_.end(), experts.begin(), experts.end());
    if (std::ssize(kept_) <= kMostSets * topk_) return;
    stride_ *= 2;
    int64_t size = 0;
    for (int64_t i = 0; i < std::ssize(kept_); ++i) {
      if (i / topk_ % 2 == 0) kept_[size++] = kept_[i];
    }
    kept_.resize(size);
  }

  TokenSets Take() {
    TokenSets sets = {.topk = topk_, .experts = std::move(kept_), .tokens = {}};
    if (topk_ != 2) sets.tokens.assign(sets.experts.size() / topk_, 1);
    for (int a = 0; topk_ == 2 && a < num_experts_; ++a) {
      for (int b = a; b < num_experts_; ++b) {
        const int64_t tokens = Pairs(a, b) + (a != b ? Pairs(b, a) : 0);
        if (tokens == 0) continue;
        sets.experts.insert(sets.experts.end(), {a, b});
        sets.tokens.push_back(tokens);
      }
    }
    return sets;
  }

 private:
  int64_t Pairs(int a, int b) const { return pairs_[int64_t{a} * num_experts_ + b]; }

  const int num_experts_;
  const int topk_;
  std::vector<int64_t> pairs_;  // [experts, experts] tokens that chose both, in this order
  std::vector<int32_t> kept_;   // [sets, topk]
  int64_t seen_ = 0;
  int64_t stride_ = 1;
};

// A collector of the counts of some steps.
class CountsCollector {
 public:
  explicit CountsCollector(const TraceHeader& header)
      : num_layers_(header.num_layers()),
        num_experts_(header.num_experts()),
        topk_(header.top_k()),
        expert_bytes_(ExpertBytes(num_experts_)),
        chosen_(topk_) {
    counts_.layers.resize(num_layers_);
    for (LayerCounts& layer : counts_.layers) layer.total.resize(num_experts_);
    counts_.row_bytes = header.dispatch_row_bytes();
    counts_.return_bytes = header.return_row_bytes();
    for (int l = 0; l < num_layers_; ++l) sets_.emplace_back(num_experts_, topk_);
  }

  void BeginStep() {
    for (LayerCounts& layer : counts_.layers) {
      layer.steps.resize(layer.steps.size() + num_experts_);
    }
  }

  void Add(const StepRouting& record) {
    const int64_t num_tokens = CountTokens(record);
    for (int l = 0; l < num_layers_; ++l) {
      LayerCounts& layer = counts_.layers[l];
      int32_t* const step = &layer.steps[layer.steps.size() - num_experts_];
      for (int64_t token = 0; token < num_tokens; ++token) {
        const int64_t slot = (token * num_layers_ + l) * topk_;
        for (int i = 0; i < topk_; ++i) {
          chosen_[i] = ExpertAt(record.experts(), slot + i, expert_bytes_);
          ++step[chosen_[i]];
        }
        if (topk_ == 2) {
          sets_[l].AddPair(chosen_[0], chosen_[1]);
        } else {
          sets_[l].AddSet(chosen_);
        }
      }
    }
  }

  RoutingCounts Take() {
    for (int l = 0; l < num_layers_; ++l) {
      LayerCounts& layer = counts_.layers[l];
      for (int64_t i = 0; i < std::ssize(layer.steps); ++i) {
        layer.total[i % num_experts_] += layer.steps[i];
      }
      layer.sets = sets_[l].Take();
    }
    return std::move(counts_);
  }

 private:
  const int num_layers_;
  const int num_experts_;
  const int topk_;
  const int expert_bytes_;
  std::vector<int32_t> chosen_;  // experts of one token
  RoutingCounts counts_;
  std::vector<SetCollector> sets_;  // [layers]
};

// Calls use(header, record, step) for each record with tokens; steps count from 0.
absl::Status VisitSteps(
    FileSystem& files, const std::string& path,
    absl::FunctionRef<void(const TraceHeader&, const StepRouting&, int64_t)> use) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  int64_t step = -1;
  std::pair<int64_t, int> last = {-1, -1};  // step of the attempt, group
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    if (!record.ok()) return record.status();
    if (*record == nullptr) break;
    const TraceHeader& header = reader->header();
    if ((*record)->has_header()) {
      last = {-1, -1};
      absl::Status status = CheckRoomForPairs(path, header);
      if (!status.ok()) return status;
      continue;
    }
    const StepRouting& routing = (*record)->step();
    if (routing.runs_size() == 0) continue;
    const std::pair<int64_t, int> now = {routing.step(), routing.rank() / header.group_size()};
    if (now != last) ++step;
    last = now;
    use(header, routing, step);
  }
  if (step >= 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, ": has no tokens"));
}

// Reads the counts of steps, of which those before `first_of_second` are in the first half.
absl::StatusOr<HalvedCounts> ReadCounts(FileSystem& files, const std::string& path,
                                        int64_t first_of_second) {
  std::vector<CountsCollector> halves;
  int64_t last = -1;
  const absl::Status status = VisitSteps(
      files, path, [&](const TraceHeader& header, const StepRouting& record, int64_t step) {
        while (halves.size() < 2) halves.emplace_back(header);
        CountsCollector& half = halves[step < first_of_second ? 0 : 1];
        if (step != last) half.BeginStep();
        last = step;
        half.Add(record);
      });
  if (!status.ok()) return status;
  return HalvedCounts{halves[0].Take(), halves[1].Take()};
}

}  // namespace

absl::StatusOr<RoutingCounts> ReadTracedCounts(FileSystem& files, const std::string& path) {
  absl::StatusOr<HalvedCounts> counts = ReadCounts(files, path, 0);
  if (!counts.ok()) return counts.status();
  return std::move(counts->second);
}

absl::StatusOr<HalvedCounts> ReadHalvedCounts(FileSystem& files, const std::string& path) {
  int64_t num_steps = 0;
  const absl::Status status = VisitSteps(
      files, path,
      [&](const TraceHeader&, const StepRouting&, int64_t step) { num_steps = step + 1; });
  if (!status.ok()) return status;
  if (num_steps < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": has one step with tokens, and can't be divided in halves"));
  }
  return ReadCounts(files, path, num_steps / 2);
}

}  // namespace octet

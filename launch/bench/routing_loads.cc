#include "launch/bench/routing_loads.h"

#include <algorithm>

#include "launch/bench/expert_shares.h"
#include "launch/bench/keyed_words.h"
#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

void AddShares(std::span<const int64_t> shares, Fingerprint& fingerprint) {
  for (const int64_t share : shares) fingerprint.Add(static_cast<uint64_t>(share));
}

class WeightedLoad : public RoutingLoad {
 public:
  WeightedLoad(const RoutingShape& shape, const std::vector<std::vector<double>>& weights)
      : seed_(shape.seed), order_(shape.num_experts), shares_(shape.num_experts) {
    for (const auto& of_layer : weights) {
      shares_of_layers_.push_back(MakeShares(of_layer, shape.topk));
      AddShares(shares_of_layers_.back(), fingerprint_);
    }
  }

  void Choose(int layer, int64_t line, int64_t position, std::span<int32_t> experts) override {
    KeyedWords words({.seed = seed_, .layer = layer, .line = line, .position = position});
    Shuffle(words, order_);
    for (size_t i = 0; i < order_.size(); ++i) shares_[i] = shares_of_layers_[layer][order_[i]];
    ChooseExperts(order_, shares_, words.Next(), experts);
  }

  uint64_t fingerprint() const override { return fingerprint_.value(); }

 private:
  const int64_t seed_;
  std::vector<std::vector<int64_t>> shares_of_layers_;  // [layers, experts]
  Fingerprint fingerprint_;
  std::vector<int32_t> order_;   // [experts] of one token
  std::vector<int64_t> shares_;  // [experts] in that order
};

class CallsLoad : public RoutingLoad {
 public:
  CallsLoad(const RoutingShape& shape, const std::vector<ExpertCall>& calls)
      : shape_(shape), order_(shape.num_experts) {
    for (const ExpertCall& call : calls) {
      const std::vector<double> weights(call.tokens.begin(), call.tokens.end());
      shares_of_calls_.push_back(MakeShares(weights, shape.topk));
      total_frequency_ += call.frequency;
      frequency_ends_.push_back(total_frequency_);
      AddShares(shares_of_calls_.back(), fingerprint_);
      fingerprint_.Add(static_cast<uint64_t>(total_frequency_));
    }
  }

  void Choose(int layer, int64_t line, int64_t position, std::span<int32_t> experts) override {
    const bool of_prompt = position < shape_.prompt_len;
    KeyedWords words({.seed = shape_.seed, .layer = layer, .position = of_prompt ? -1 : position});
    const auto drawn = static_cast<int64_t>(words.Next64() % total_frequency_);
    const auto end = std::upper_bound(frequency_ends_.begin(), frequency_ends_.end(), drawn);
    const std::vector<int64_t>& shares = shares_of_calls_[end - frequency_ends_.begin()];
    Shuffle(words, order_);
    // Any number of multiples of the golden ratio (times 2^32, modulo 2^32) is spread evenly.
    constexpr uint32_t kGoldenRatio = 0x9E3779B9;
    const int64_t index = of_prompt ? line * shape_.prompt_len + position : line;
    const uint32_t point = static_cast<uint32_t>(index) * kGoldenRatio + words.Next();
    ChooseExperts(std::span(order_).first(shares.size()), shares, point, experts);
  }

  uint64_t fingerprint() const override { return fingerprint_.value(); }

 private:
  const RoutingShape shape_;
  std::vector<std::vector<int64_t>> shares_of_calls_;  // [calls, experts that had tokens]
  std::vector<int64_t> frequency_ends_;                // [calls] sums, up to and with each
  int64_t total_frequency_ = 0;
  Fingerprint fingerprint_;
  std::vector<int32_t> order_;  // [experts] of one call
};

class TraceLoad : public RoutingLoad {
 public:
  TraceLoad(const RoutingShape& shape, TokenTable table)
      : topk_(shape.topk), table_(std::move(table)) {
    table_.places = {};
    table_.origins = {};
    table_.weights = {};
    for (const TracedAnswer& answer : table_.answers) {
      fingerprint_.Add(static_cast<uint64_t>(answer.first_row));
    }
    fingerprint_.Add(std::as_bytes(std::span(table_.experts)));
  }

  void Choose(int layer, int64_t line, int64_t position, std::span<int32_t> experts) override {
    const TracedAnswer& answer = table_.answers[line % std::ssize(table_.answers)];
    const int64_t row = answer.first_row + position % answer.num_tokens;
    const auto first = table_.experts.begin() + (row * table_.num_layers + layer) * topk_;
    std::copy_n(first, topk_, experts.begin());
  }

  uint64_t fingerprint() const override { return fingerprint_.value(); }

 private:
  const int topk_;
  TokenTable table_;
  Fingerprint fingerprint_;
};

}  // namespace

std::unique_ptr<RoutingLoad> MakeWeightedLoad(const RoutingShape& shape,
                                              const std::vector<std::vector<double>>& weights) {
  return std::make_unique<WeightedLoad>(shape, weights);
}

std::unique_ptr<RoutingLoad> MakeCallsLoad(const RoutingShape& shape,
                                           const std::vector<ExpertCall>& calls) {
  return std::make_unique<CallsLoad>(shape, calls);
}

std::unique_ptr<RoutingLoad> MakeTraceLoad(const RoutingShape& shape, TokenTable table) {
  return std::make_unique<TraceLoad>(shape, std::move(table));
}

}  // namespace octet

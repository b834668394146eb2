#include "runtime/replay/part_costs.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/quantile.h"

namespace octet {
namespace {

bool Decodes(const PartTime& t) { return t.sequences() == t.rows(); }

double MedianOr(double otherwise, const google::protobuf::RepeatedField<double>& values) {
  return values.empty() ? otherwise : Median({values.begin(), values.end()});
}

// The times of the same tokens, by the positions that they see.
struct AttentionTimes {
  Piecewise seconds;
  double least = std::numeric_limits<double>::max();
  double most = 0;

  void Add(const PartTime& t) {
    const auto positions = static_cast<double>(t.positions_seen());
    seconds.Add(positions, t.seconds());
    least = std::min(least, positions);
    most = std::max(most, positions);
  }
  bool has_slope() const { return least < most; }
  double SecondsOfPosition() const {
    return std::max(0.0, seconds(most) - seconds(least)) / (most - least);
  }
  double SecondsWithoutPositions(double each) const { return seconds(least) - each * least; }
};

}  // namespace

absl::StatusOr<PartCosts> PartCosts::FromProfile(const LayerProfile& profile) {
  PartCosts costs;
  const std::map<std::string, Piecewise*> by_rows = {
      {"norms", &costs.norms_},        {"router", &costs.router_}, {"dispatch", &costs.dispatch_},
      {"combine", &costs.combine_},    {"head", &costs.head_},     {"sampling", &costs.sampling_},
      {"embedding", &costs.embedding_}};
  for (const PartTime& t : profile.parts()) {
    if (const auto found = by_rows.find(t.part()); found != by_rows.end()) {
      found->second->Add(Rows(t.rows()), t.seconds());
    } else if (t.part() == "experts" && t.experts() > 0) {
      const auto experts = static_cast<double>(t.experts());
      costs.expert_.Add(Rows(t.rows()) / experts, t.seconds() / experts);
    }
  }
  costs.slowdown_ = MedianOr(1, profile.slowdown());
  costs.jitter_ = MedianOr(0, profile.jitter());
  costs.AddAttention(profile);
  std::vector<std::pair<std::string, Piecewise*>> all(by_rows.begin(), by_rows.end());
  all.insert(all.end(), {{"experts", &costs.expert_},
                         {"attention", &costs.attention_},
                         {"last attention", &costs.last_attention_},
                         {"attention of sequences that decode", &costs.decoding_position_},
                         {"attention of prompts", &costs.prompt_position_}});
  for (auto& [name, function] : all) {
    if (function->empty()) {
      return absl::InvalidArgumentError(absl::StrCat("has no time of ", name));
    }
    function->Finish();
  }
  return costs;
}

void PartCosts::AddAttention(const LayerProfile& profile) {
  std::map<int64_t, AttentionTimes> decoding, prompts;  // by tokens
  for (const PartTime& t : profile.parts()) {
    if (t.part() == "attention") (Decodes(t) ? decoding : prompts)[t.rows()].Add(t);
    if (t.part() == "last attention") last_attention_.Add(Rows(t.rows()), t.seconds());
  }
  for (auto& [tokens, times] : decoding) {
    times.seconds.Finish();
    const double each = times.has_slope() ? times.SecondsOfPosition() : 0;
    decoding_position_.Add(Rows(tokens), each);
    attention_.Add(Rows(tokens), times.SecondsWithoutPositions(each));
  }
  for (auto& [tokens, times] : prompts) {
    times.seconds.Finish();
    if (times.has_slope()) prompt_position_.Add(Rows(tokens), times.SecondsOfPosition());
  }
  if (prompt_position_.empty()) return;
  prompt_position_.Finish();
  for (const auto& [tokens, times] : prompts) {
    const double each = prompt_position_(Rows(tokens));
    attention_.Add(Rows(tokens), times.SecondsWithoutPositions(each));
  }
}

double PartCosts::Attention(const TokenLoad& load) const {
  if (load.tokens == 0) return 0;
  double seconds = attention_(Rows(load.tokens));
  if (load.decoding < load.tokens) {
    seconds += prompt_position_(Rows(load.tokens - load.decoding)) * Rows(load.prompt_positions);
  }
  if (load.decoding > 0) {
    seconds += decoding_position_(Rows(load.decoding)) * Rows(load.decoding_positions);
  }
  return seconds;
}

double PartCosts::LastAttention(const TokenLoad& load) const {
  if (load.last_tokens == load.tokens) return Attention(load);
  double seconds = last_attention_(Rows(load.tokens));
  if (load.decoding > 0) {
    seconds += decoding_position_(Rows(load.decoding)) * Rows(load.decoding_positions);
  }
  return seconds;
}

double PartCosts::Experts(std::span<const int64_t> rows, int rounds) const {
  double seconds = 0;
  for (const int64_t n : rows) {
    if (n == 0) continue;
    const double times = Rows(std::min<int64_t>(rounds, n));
    seconds += times * expert_(Rows(n) / times);
  }
  return seconds;
}

}  // namespace octet

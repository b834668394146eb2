#include "runtime/replay/part_costs.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace octet {
namespace {

bool Decodes(const PartTime& t) { return t.sequences() == t.rows(); }

// The same tokens behind few and behind many others.
struct Pair {
  const PartTime* least = nullptr;
  const PartTime* most = nullptr;

  void Add(const PartTime& t) {
    if (least == nullptr || t.positions_seen() < least->positions_seen()) least = &t;
    if (most == nullptr || t.positions_seen() > most->positions_seen()) most = &t;
  }
  bool has_slope() const { return least->positions_seen() < most->positions_seen(); }
  double SecondsOfPosition() const {
    const auto positions = static_cast<double>(most->positions_seen() - least->positions_seen());
    return std::max(0.0, most->seconds() - least->seconds()) / positions;
  }
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
  costs.AddAttention(profile);
  std::vector<std::pair<std::string, Piecewise*>> all(by_rows.begin(), by_rows.end());
  all.insert(all.end(), {{"experts", &costs.expert_},
                         {"attention", &costs.attention_},
                         {"last attention", &costs.last_attention_},
                         {"attention of sequences that decode", &costs.decoding_position_}});
  for (auto& [name, function] : all) {
    if (function->empty()) {
      return absl::InvalidArgumentError(absl::StrCat("has no time of ", name));
    }
    function->Finish();
  }
  return costs;
}

void PartCosts::AddAttention(const LayerProfile& profile) {
  std::map<int64_t, Pair> decoding, prompts;  // by tokens
  for (const PartTime& t : profile.parts()) {
    if (t.part() == "attention") (Decodes(t) ? decoding : prompts)[t.rows()].Add(t);
  }
  for (const auto& [tokens, pair] : decoding) {
    const double each = pair.has_slope() ? pair.SecondsOfPosition() : 0;
    const double seen = static_cast<double>(pair.least->positions_seen());
    decoding_position_.Add(Rows(tokens), each);
    attention_.Add(Rows(tokens), pair.least->seconds() - each * seen);
  }
  for (const auto& [tokens, pair] : prompts) {
    if (pair.has_slope()) prompt_position_ = pair.SecondsOfPosition();
  }
  for (const PartTime& t : profile.parts()) {
    if (t.sequences() == 0 || Decodes(t)) continue;
    const double seen = static_cast<double>(t.positions_seen());
    if (t.part() == "attention") {
      attention_.Add(Rows(t.rows()), t.seconds() - prompt_position_ * seen);
    } else if (t.part() == "last attention") {
      last_attention_.Add(Rows(t.rows()), t.seconds());
    }
  }
}

double PartCosts::Attention(const TokenLoad& load) const {
  if (load.tokens == 0) return 0;
  double seconds = attention_(Rows(load.tokens)) + prompt_position_ * Rows(load.prompt_positions);
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

double PartCosts::Experts(std::span<const int64_t> rows) const {
  double seconds = 0;
  for (const int64_t n : rows) seconds += n > 0 ? expert_(Rows(n)) : 0;
  return seconds;
}

}  // namespace octet

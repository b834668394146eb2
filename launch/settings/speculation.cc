#include "launch/settings/speculation.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

namespace octet {
namespace {

// By "auto": of a sequence in one step.
constexpr int64_t kAutoDraftTokens = 8;

}  // namespace

std::optional<DraftLimits> ParseSpeculate(const std::string& text) {
  if (text.empty() || text == "auto") {
    return DraftLimits{.of_sequence = kAutoDraftTokens, .only_cheap = true};
  }
  if (text == "off") return DraftLimits();
  DraftLimits limits;
  const bool is_number = absl::SimpleAtoi(text, &limits.of_sequence);
  if (!is_number || limits.of_sequence < 1 || limits.of_sequence > DraftLimits::kMost) {
    return std::nullopt;
  }
  return limits;
}

absl::StatusOr<DraftLimits> ChooseDrafts(const RunConfig& config, const ModelConfig& model) {
  DraftLimits limits = ParseSpeculate(config.speculate()).value_or(DraftLimits());
  limits.num_experts = model.num_experts;
  limits.topk = model.experts_per_token;
  const bool is_recorded = !config.trace().empty() || config.return_routed_experts();
  if (is_recorded && limits.of_sequence > 0 && !limits.only_cheap) {
    return absl::InvalidArgumentError(
        absl::StrCat("--speculate ", config.speculate(), " contradicts ",
                     config.trace().empty() ? "--return-routed-experts" : "--trace",
                     ": tokens that were only guessed have no place in it"));
  }
  if (limits.only_cheap && (is_recorded || config.device() == "cuda")) limits.of_sequence = 0;
  return limits;
}

}  // namespace octet

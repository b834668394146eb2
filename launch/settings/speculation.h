// --speculate: the draft tokens of steps.

#ifndef OCTET_LAUNCH_SETTINGS_SPECULATION_H_
#define OCTET_LAUNCH_SETTINGS_SPECULATION_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "proto/config.pb.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/engine/draft_scale.h"

namespace octet {

// Parses "auto", "off" or a number from 1 to DraftLimits::kMost. An empty text means "auto".
// Returns nullopt for any other text.
std::optional<DraftLimits> ParseSpeculate(const std::string& text);

// Returns what --speculate means for this job. "auto" means none where routing is recorded, which
// has no tokens that were only guessed, and on devices, whose recorded steps have one token of each
// sequence. An error where a number contradicts that.
absl::StatusOr<DraftLimits> ChooseDrafts(const RunConfig& config, const ModelConfig& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETTINGS_SPECULATION_H_

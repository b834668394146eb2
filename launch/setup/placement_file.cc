#include "launch/setup/placement_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <span>

#include "launch/files/proto_text.h"
#include "launch/files/yaml.h"
#include "launch/setup/slot_map.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The most bytes of a file. A placement of a thousand layers of a thousand experts takes fewer.
constexpr size_t kMostFileBytes = size_t{16} << 20;

absl::StatusOr<nlohmann::json> ParseAs(bool is_yaml, const std::string& text) {
  return is_yaml ? ParseYaml(text, "") : ParseStrictJson(text, "");
}

// Returns the file's placement, or an error without the file's name.
absl::StatusOr<SlotPlan> ParseSlotPlan(const std::string& path, const std::string& text,
                                       PlacementShape shape) {
  const bool is_json = path.ends_with(".json");
  const bool is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
  if (is_json || is_yaml) {
    const absl::StatusOr<nlohmann::json> value = ParseAs(is_yaml, text);
    if (value.ok() && IsSlotMap(*value)) {
      absl::StatusOr<SlotPlan> plan = ReadSlotMap(*value, shape);
      if (plan.ok()) return plan;
      return absl::InvalidArgumentError(absl::StrCat(": ", std::string(plan.status().message())));
    }
    if (is_yaml && !value.ok()) return value.status();
    if (is_yaml) return absl::InvalidArgumentError(": has no initial_global_assignments");
  }
  Placement proto;
  const absl::Status parsed = is_json ? ParseJsonProto(text, proto) : ParseTextProto(text, proto);
  if (!parsed.ok()) {
    const char* before_reason = is_json ? ": " : ":";  // or LINE:COLUMN follows
    return absl::InvalidArgumentError(
        absl::StrCat(before_reason, std::string(parsed.message()),
                     " (a Placement is expected: ", "proto/placement.proto)"));
  }
  const absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::FromProto(proto, shape);
  if (placement.ok()) return SlotPlan::From(*placement);
  return absl::InvalidArgumentError(absl::StrCat(": ", std::string(placement.status().message())));
}

constexpr size_t kRanksNamed = 8;

}  // namespace

std::string DescribeIdleRanks(const std::vector<int>& ranks) {
  const std::span<const int> named(ranks.data(), std::min(ranks.size(), kRanksNamed));
  const size_t others = ranks.size() - named.size();
  return absl::StrCat(ranks.size() == 1 ? "rank " : "ranks ", absl::StrJoin(named, ", "),
                      others > 0 ? absl::StrCat(" and ", others, " more") : "",
                      ranks.size() == 1 ? " owns" : " own",
                      " no expert of any layer and only computes attention for its sequences");
}

absl::StatusOr<ExpertPlacement> ReadPlacement(FileSystem& files, const std::string& spec,
                                              PlacementShape shape) {
  if (ExpertPlacement::IsName(spec)) return ExpertPlacement::Parse(spec, shape);
  if (!files.Exists(spec)) {
    return absl::NotFoundError(
        absl::StrCat("--placement ", Quoted(spec),
                     ": neither contiguous, round-robin, random:SEED, shares:A,B,..., by-memory, "
                     "eplb or partition nor a file "
                     "that can be read"));
  }
  return ReadPlacementFile(files, "--placement", spec, shape);
}

absl::StatusOr<SlotPlan> ReadSlotPlan(FileSystem& files, const std::string& flag,
                                      const std::string& path, PlacementShape shape) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostFileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", std::string(text.status().message())));
  }
  absl::StatusOr<SlotPlan> plan = ParseSlotPlan(path, *text, shape);
  if (plan.ok()) return plan;
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", path, std::string(plan.status().message())));
}

absl::StatusOr<ExpertPlacement> ReadPlacementFile(FileSystem& files, const std::string& flag,
                                                  const std::string& path, PlacementShape shape) {
  const absl::StatusOr<SlotPlan> plan = ReadSlotPlan(files, flag, path, shape);
  if (!plan.ok()) return plan.status();
  return plan->ToPlacement();
}

}  // namespace octet

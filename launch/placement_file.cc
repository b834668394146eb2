#include "launch/placement_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <span>

#include "launch/proto_text.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The most bytes of a file. A placement of a thousand layers of a thousand experts takes fewer.
constexpr size_t kMostFileBytes = size_t{16} << 20;

absl::Status OfFlag(const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat("--placement ", message));
}

absl::StatusOr<Placement> ReadFile(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostFileBytes);
  if (!text.ok()) return OfFlag(std::string(text.status().message()));
  const bool is_json = path.ends_with(".json");
  Placement placement;
  const absl::Status parsed =
      is_json ? ParseJsonProto(*text, placement) : ParseTextProto(*text, placement);
  if (parsed.ok()) return placement;
  const char* before_reason = is_json ? ": " : ":";  // or LINE:COLUMN follows
  return OfFlag(absl::StrCat(path, before_reason, std::string(parsed.message()),
                             " (a Placement is expected: proto/placement.proto)"));
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
  const absl::StatusOr<Placement> proto = ReadFile(files, spec);
  if (!proto.ok()) return proto.status();
  absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::FromProto(*proto, shape);
  if (placement.ok()) return placement;
  return OfFlag(absl::StrCat(spec, ": ", std::string(placement.status().message())));
}

}  // namespace octet

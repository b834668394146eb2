#include "runtime/trace/traced_attempt.h"

#include <absl/strings/str_cat.h>

#include "kernels/base/check.h"
#include "runtime/trace/trace_reader.h"

namespace octet {
namespace {

// The most pairs that a tally may count, of experts in all layers or of ranks: 64 layers of 1024
// experts, 8192 ranks.
constexpr int64_t kMostPairs = int64_t{1} << 26;

TracedAttempt BeginAttempt(const TraceHeader& header) {
  absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::FromProto(
      header.placement(), {header.num_layers(), header.num_experts(), header.group_size()});
  OCTET_CHECK(placement.ok()) << "the reader has checked it: " << placement.status();
  TracedAttempt attempt = {
      .header = header, .placement = *std::move(placement), .groups = {}, .steps = {}};
  const std::vector<std::string> hosts(header.hosts().begin(), header.hosts().end());
  for (int first = 0; first < header.hosts_size(); first += header.group_size()) {
    attempt.groups.emplace_back(std::span(hosts).subspan(first, header.group_size()));
  }
  return attempt;
}

bool HasRoomForPairs(const TraceHeader& h) {
  const int64_t ranks = h.hosts_size();
  return int64_t{h.num_layers()} * h.num_experts() * h.num_experts() <= kMostPairs &&
         ranks * ranks <= kMostPairs;
}

}  // namespace

absl::StatusOr<std::vector<TracedAttempt>> ReadAttempts(FileSystem& files,
                                                        const std::string& path) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  std::vector<TracedAttempt> attempts;
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    if (!record.ok()) return record.status();
    if (*record == nullptr) return attempts;
    if ((*record)->has_header()) {
      const TraceHeader& header = (*record)->header();
      absl::Status status = CheckRoomForPairs(path, header);
      if (!status.ok()) return status;
      attempts.push_back(BeginAttempt(header));
      continue;
    }
    StepRouting& step = attempts.back().steps.emplace_back((*record)->step());
    step.clear_weights();
  }
}

int64_t CountTokens(const StepRouting& step) {
  int64_t tokens = 0;
  for (const TokenRun& run : step.runs()) tokens += run.num_tokens();
  return tokens;
}

absl::Status CheckRoomForPairs(const std::string& path, const TraceHeader& header) {
  if (HasRoomForPairs(header)) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(path, ": has more experts or ranks than there is room to count pairs of"));
}

}  // namespace octet

#include "runtime/trace/line_signatures.h"

#include <algorithm>

#include "kernels/base/activity.h"
#include "runtime/trace/routing_recorder.h"
#include "runtime/trace/trace_check.h"
#include "runtime/trace/trace_reader.h"

namespace octet {

absl::StatusOr<LineSignatures> LineSignatures::Read(FileSystem& files, const std::string& path) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  LineSignatures signatures;
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    if (!record.ok()) return record.status();
    if (*record == nullptr) return signatures;
    Activity::OfThisThread().Tick();  // reading a long trace is progress
    if ((*record)->has_step()) {
      signatures.Add((*record)->step());
      continue;
    }
    signatures.UseHeader((*record)->header());
  }
}

void LineSignatures::UseHeader(const TraceHeader& header) {
  model_ = header.model();
  num_layers_ = header.num_layers();
  num_experts_ = header.num_experts();
  topk_ = header.top_k();
}

void LineSignatures::Add(const StepRouting& step) {
  for (const FoundRun& found : step.found()) AddFound(found);
  int64_t token = 0;
  for (const TokenRun& run : step.runs()) {
    if (run.choice() == 0 && run.first_position() < kTokens) AddRun(run, token, step);
    token += run.num_tokens();
  }
}

void LineSignatures::AddFound(const FoundRun& found) {
  const TokenRun& run = found.run();
  if (run.choice() != 0 || run.first_position() != 0 || found.from_choice() != 0) return;
  const auto from = index_.find(found.from_line());
  const auto all = (uint64_t{1} << std::min<int64_t>(run.num_tokens(), kTokens)) - 1;
  if (from == index_.end() || seen_[from->second] != all) return;
  const int64_t source = from->second;
  if (!index_.try_emplace(run.line(), num_lines()).second) return;
  seen_.push_back(static_cast<uint32_t>(all));
  counts_.resize(counts_.size() + pairs());
  std::copy_n(counts_.begin() + source * pairs(), pairs(), counts_.end() - pairs());
}

// Counts a token that was computed again only once: it chose the same experts as before.
void LineSignatures::AddRun(const TokenRun& run, int64_t first_token, const StepRouting& step) {
  const auto [found, is_new] = index_.try_emplace(run.line(), num_lines());
  if (is_new) {
    seen_.push_back(0);
    counts_.resize(counts_.size() + pairs());
  }
  uint32_t& seen = seen_[found->second];
  uint8_t* counts = &counts_[found->second * pairs()];
  const int expert_bytes = ExpertBytes(num_experts_);
  const int64_t slots = int64_t{num_layers_} * topk_;
  const int64_t tokens = std::min<int64_t>(run.num_tokens(), kTokens - run.first_position());
  for (int64_t i = 0; i < tokens; ++i) {
    const uint32_t bit = uint32_t{1} << (run.first_position() + i);
    if ((seen & bit) != 0) continue;
    seen |= bit;
    for (int64_t s = 0; s < slots; ++s) {
      const int expert = ExpertAt(step.experts(), (first_token + i) * slots + s, expert_bytes);
      ++counts[s / topk_ * num_experts_ + expert];
    }
  }
}

std::span<const uint8_t> LineSignatures::Find(int64_t line) const {
  const auto found = index_.find(line);
  if (found == index_.end()) return {};
  return std::span(counts_).subspan(found->second * pairs(), pairs());
}

}  // namespace octet

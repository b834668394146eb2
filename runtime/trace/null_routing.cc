#include "runtime/trace/null_routing.h"

#include <algorithm>
#include <random>
#include <vector>

#include "runtime/trace/routing_recorder.h"

namespace octet {
namespace {

constexpr uint64_t kSeed = 1;

// Returns a number from 0 to n - 1. The standard's distributions differ between libraries.
uint64_t Below(uint64_t n, std::mt19937_64& random) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random()) * n) >> 64);
}

int64_t RowBytes(const TraceHeader& header) {
  return int64_t{header.num_layers()} * header.top_k() * ExpertBytes(header.num_experts());
}

// Returns one of the experts that are not in `taken`, which is sorted.
int DrawOther(int num_experts, std::span<const int> taken, std::mt19937_64& random) {
  auto expert = static_cast<int>(Below(num_experts - taken.size(), random));
  for (const int other : taken) {
    if (expert >= other) ++expert;
  }
  return expert;
}

}  // namespace

void ShuffleTokens(std::span<TracedAttempt> attempts) {
  std::vector<char*> rows;
  int64_t row_bytes = 0;
  for (TracedAttempt& attempt : attempts) {
    row_bytes = RowBytes(attempt.header);
    for (StepRouting& step : attempt.steps) {
      std::string& experts = *step.mutable_experts();
      for (int64_t i = 0; i < std::ssize(experts); i += row_bytes) rows.push_back(&experts[i]);
    }
  }
  std::mt19937_64 random(kSeed);
  for (size_t i = rows.size(); i > 1; --i) {
    char* const other = rows[Below(i, random)];
    if (other != rows[i - 1]) std::swap_ranges(other, other + row_bytes, rows[i - 1]);
  }
}

void DrawExperts(std::span<TracedAttempt> attempts) {
  std::mt19937_64 random(kSeed);
  std::vector<int> taken;  // of a token's slots in one layer, sorted
  for (TracedAttempt& attempt : attempts) {
    const int num_experts = attempt.header.num_experts();
    const int expert_bytes = ExpertBytes(num_experts);
    for (StepRouting& step : attempt.steps) {
      std::string& experts = *step.mutable_experts();
      for (int64_t slot = 0; slot < std::ssize(experts) / expert_bytes; ++slot) {
        if (slot % attempt.header.top_k() == 0) taken.clear();
        const int expert = DrawOther(num_experts, taken, random);
        taken.insert(std::ranges::lower_bound(taken, expert), expert);
        experts[slot * expert_bytes] = static_cast<char>(expert & 0xff);
        if (expert_bytes == 2) experts[2 * slot + 1] = static_cast<char>(expert >> 8);
      }
    }
  }
}

}  // namespace octet

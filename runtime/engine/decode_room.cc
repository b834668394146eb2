#include "runtime/engine/decode_room.h"

#include <algorithm>
#include <bit>

namespace octet {
namespace {

// With fewer positions, attention costs too little for a shape of its own.
constexpr int64_t kLeastContextRoom = 512;

// Few shapes occur, because each is recorded by itself.
int64_t DecodeRoomFor(int64_t count) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(count)));
}

}  // namespace

void SetDecodeRoom(const SchedulerLimits& limits, int64_t longest, int64_t num_sampled,
                   std::span<RankStep> steps) {
  int64_t most = 0;
  int64_t total = 0;
  for (const RankStep& step : steps) {
    if (std::ranges::any_of(step.chunks(), [](const Chunk& c) { return c.num_tokens() > 1; }))
      return;
    most = std::max<int64_t>(most, step.chunks_size());
    total += step.chunks_size();
  }
  if (most == 0 || most > limits.decode_room || total > num_sampled) return;
  for (RankStep& step : steps) {
    step.mutable_decode()->set_tokens(std::min(DecodeRoomFor(most), limits.decode_room));
    step.mutable_decode()->set_context(DecodeRoomFor(std::max(longest, kLeastContextRoom)));
  }
}

}  // namespace octet

// The room of steps that only decode, on devices that record them.

#ifndef OCTET_RUNTIME_ENGINE_DECODE_ROOM_H_
#define OCTET_RUNTIME_ENGINE_DECODE_ROOM_H_

#include <cstdint>
#include <span>

#include "proto/engine.pb.h"
#include "runtime/engine/scheduler_limits.h"

namespace octet {

// Gives the ranks' steps a DecodeRoom if each chunk is the newest token of its sequence, and
// limits.decode_room suffices. longest: tokens of the longest sequence. num_sampled: of the step.
void SetDecodeRoom(const SchedulerLimits& limits, int64_t longest, int64_t num_sampled,
                   std::span<RankStep> steps);

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_DECODE_ROOM_H_

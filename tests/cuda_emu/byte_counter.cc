#include "tests/cuda_emu/byte_counter.h"

#include <utility>

namespace octet::cuda_emu {

void ByteCounter::BeginLaunch() {
  ++launch_;
  launches_.emplace_back();
}

void ByteCounter::BeginBlock(int) {
  ++block_;
  ++phase_;
}

void ByteCounter::See(const Access& access) {
  if (access.space != Space::kGlobal) return;
  MovedBytes& moved = launches_.back();
  cells_.ForEach(access.p, access.bytes, [&](Cell& cell) {
    Stamps& stamps = access.writes ? cell.written : cell.read;
    const auto bytes = int64_t{kGranule};
    const bool is_own = !access.writes && cell.written.launch == launch_;
    if (!is_own && std::exchange(stamps.launch, launch_) != launch_) moved.by_launch += bytes;
    if (std::exchange(stamps.block, block_) != block_) moved.by_block += bytes;
    if (std::exchange(stamps.phase, phase_) != phase_) moved.by_phase += bytes;
  });
}

}  // namespace octet::cuda_emu

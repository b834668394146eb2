// Counts the bytes of global memory that kernels move.

#ifndef OCTET_TESTS_CUDA_EMU_BYTE_COUNTER_H_
#define OCTET_TESTS_CUDA_EMU_BYTE_COUNTER_H_

#include <cstdint>
#include <vector>

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/shadow_memory.h"

namespace octet::cuda_emu {

// Bytes that are read, and bytes that are written. How often a byte counts:
struct MovedBytes {
  // Once; what the launch has written itself is not read again. So much comes from memory, and goes
  // there, if the L2 cache keeps the rest.
  int64_t by_launch = 0;
  // Once for each block, and once between two barriers of a block: so much comes through the L2
  // cache if L1 caches keep all of a block's, or nothing over a barrier.
  int64_t by_block = 0;
  int64_t by_phase = 0;
};

// Watches the device while it lives. Memory comes in whole sectors of 32 bytes; here each byte
// counts by itself.
class ByteCounter : public AccessObserver {
 public:
  ByteCounter() { Emulation::Device().Observe(this); }
  ~ByteCounter() override { Emulation::Device().Observe(nullptr); }
  ByteCounter(const ByteCounter&) = delete;
  ByteCounter& operator=(const ByteCounter&) = delete;

  // One for each kernel, in the order in which they ran.
  const std::vector<MovedBytes>& launches() const { return launches_; }

  void BeginLaunch() override;
  void BeginBlock(int num_threads) override;
  void See(const Access& access) override;
  void BeginCopy(int, const void*, size_t) override {}
  void EndCopy(int, const void*, size_t) override {}
  void MeetInBlock(const Site&) override { ++phase_; }
  void MeetInWarp(int, unsigned, const Site&) override {}

 private:
  // When it was read, or written, last.
  struct Stamps {
    uint32_t launch = 0;
    uint32_t block = 0;
    uint32_t phase = 0;
  };
  struct Cell {
    Stamps read;
    Stamps written;
  };

  std::vector<MovedBytes> launches_;
  ShadowMemory<Cell> cells_;
  uint32_t launch_ = 0;  // these count on for ever
  uint32_t block_ = 0;
  uint32_t phase_ = 0;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_BYTE_COUNTER_H_

// What device code does to memory, for those who watch it.

#ifndef OCTET_TESTS_CUDA_EMU_ACCESS_OBSERVER_H_
#define OCTET_TESTS_CUDA_EMU_ACCESS_OBSERVER_H_

#include <cstddef>

#include "tests/cuda_emu/emulation.h"

namespace octet::cuda_emu {

enum class Space { kShared, kGlobal };

// A load or store of one thread of the block that runs. Global memory is the device's.
struct Access {
  const void* p;
  size_t bytes;
  bool writes;
  int thread;
  Space space;
};

// Told by kernels that were compiled to be watched (access_hooks.cc), and by the emulation for what
// instructions do.
class AccessObserver {
 public:
  virtual ~AccessObserver() = default;

  virtual void BeginLaunch() = 0;
  virtual void BeginBlock(int num_threads) = 0;
  virtual void See(const Access& access) = 0;

  // A cp.async of the thread: the bytes come to shared memory some time before it ends. What is
  // read was told by See().
  virtual void BeginCopy(int thread, const void* to, size_t bytes) = 0;
  virtual void EndCopy(int thread, const void* to, size_t bytes) = 0;

  // All threads of the block have met; or those lanes of a warp, whose first thread is `first`, in
  // __syncwarp.
  virtual void MeetInBlock(const Site& site) = 0;
  virtual void MeetInWarp(int first, unsigned lanes, const Site& site) = 0;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_ACCESS_OBSERVER_H_

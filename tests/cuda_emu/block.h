// A block of CUDA threads on one thread of the system.

#ifndef OCTET_TESTS_CUDA_EMU_BLOCK_H_
#define OCTET_TESTS_CUDA_EMU_BLOCK_H_

#include <vector_types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_emu/async_copies.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/cuda_emu/fiber.h"
#include "tests/cuda_emu/shared_memory.h"

namespace octet::cuda_emu {

inline constexpr int kWarpSize = 32;

// An operation of the lanes of a warp. lanes: [kWarpSize] what each gave; null: it takes no part.
using WarpOperation = void (*)(void* const* lanes);

// Threads are fibers, of which one runs until it waits. Who runs next is drawn.
class Block {
 public:
  // The one that runs.
  static Block& Running() {
    static Block block;
    return block;
  }

  // Runs the threads of a block of this shape, each of which calls body().
  void Run(const dim3& shape, size_t dynamic_bytes, const std::function<void()>& body);

  // The rest is for the thread that runs.

  // __syncthreads: all threads that have not ended wait for each other. Returns the sum of what
  // they gave.
  int Barrier(int predicate, const Site& site);

  // The lanes of the mask that have not ended wait for each other; the last one calls `operation`.
  void Collective(unsigned mask, WarpOperation operation, void* argument, const Site& site);

  int thread() const { return running_->number; }
  int lane() const { return running_->number % kWarpSize; }
  int first_lane() const { return running_->number / kWarpSize * kWarpSize; }  // of the warp
  AsyncCopies& copies() { return running_->copies; }
  SharedMemory& shared() { return shared_; }
  bool is_running() const { return running_ != nullptr; }

  // With the thread that runs.
  void Fail(const std::string& what) const;

 private:
  enum class Wait { kNothing, kBarrier, kWarp };

  struct Thread {
    Fiber fiber;
    int number = 0;
    uint3 index = {};
    bool has_ended = false;
    AsyncCopies copies;

    // While it waits:
    Wait wait = Wait::kNothing;
    Site site;
    unsigned mask = 0;
    WarpOperation operation = nullptr;
    void* argument = nullptr;
    int sum = 0;  // of the barrier, afterwards
  };

  // Lanes as bits.
  struct Warp {
    unsigned alive = 0;
    unsigned waiting = 0;  // in a collective
  };

  static void RunThread();
  void EndThread();
  void Prepare(const dim3& shape);
  void Continue(Thread& thread);
  void RunAnother(bool ends = false);
  void ReleaseBarrier();
  void TryCollective(const Thread& thread);
  Thread& LaneOf(const Thread& thread, int lane) const;
  Warp& WarpOf(const Thread& thread) { return warps_[thread.number / kWarpSize]; }
  void ReportDeadlock() const;

  SharedMemory shared_;
  Fiber caller_;
  std::vector<std::unique_ptr<Thread>> threads_;  // kept for later blocks
  std::vector<Warp> warps_;
  int num_threads_ = 0;
  int num_alive_ = 0;
  int num_at_barrier_ = 0;
  int barrier_sum_ = 0;
  Site barrier_site_;  // of the first that arrived
  std::vector<Thread*> ready_;
  Thread* running_ = nullptr;
  const std::function<void()>* body_ = nullptr;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_BLOCK_H_

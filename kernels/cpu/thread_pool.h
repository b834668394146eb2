// The threads of one rank.

#ifndef OCTET_KERNELS_CPU_THREAD_POOL_H_
#define OCTET_KERNELS_CPU_THREAD_POOL_H_

#include <absl/functional/function_ref.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace octet {

// A pool that runs one function at a time on a fixed set of threads, one of which is the caller.
// Every thread, the caller included, flushes denormals to zero from its first work on. Work counts
// as progress of the calling rank (Activity), and during it the rank's own thread polls. A failed
// check names the rank whose thread made the pool.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls f(thread) once on each thread, 0 <= thread < num_threads(), and returns when all have
  // returned.
  void Run(absl::FunctionRef<void(int thread)> f);

  // Calls f(thread, i) for each 0 <= i < n, in any order, on whichever thread is free.
  void ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f);

 private:
  void Work(int thread);

  std::vector<std::thread> workers_;
  const absl::FunctionRef<void(int)>* job_ = nullptr;
  std::atomic<uint32_t> generation_ = 0;  // counts jobs
  std::atomic<int> unfinished_ = 0;
  bool stop_ = false;
};

// Makes the calling thread treat denormals as zero, in inputs and in results, as the BF16
// dot-product instructions do.
void FlushDenormalsToZero();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_THREAD_POOL_H_

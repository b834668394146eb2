// How far the loading of weights has come.

#ifndef OCTET_RUNTIME_CHECKPOINT_LOAD_PROGRESS_H_
#define OCTET_RUNTIME_CHECKPOINT_LOAD_PROGRESS_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "kernels/base/activity.h"

namespace octet {

// Told now and then, on the rank's own thread: bytes read so far, and in all as far as is known.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// Counts bytes that several threads of a rank read.
class LoadCounter {
 public:
  // On the rank's own thread, which is thread 0. `progress` must outlive it.
  explicit LoadCounter(const LoadProgress& progress)
      : progress_(progress), activity_(Activity::OfThisThread()) {}

  // So many more are to be read.
  void Expect(uint64_t bytes) { total_ += bytes; }

  // So many have been read. Any thread.
  void Add(int thread, uint64_t bytes);

  // On the rank's own thread: tells what other threads have done.
  void Tell();

 private:
  const LoadProgress& progress_;
  Activity& activity_;
  uint64_t total_ = 0;
  std::atomic<uint64_t> done_ = 0;
  uint64_t told_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_LOAD_PROGRESS_H_

// The progress of loading weights.

#ifndef OCTET_RUNTIME_CHECKPOINT_LOAD_PROGRESS_H_
#define OCTET_RUNTIME_CHECKPOINT_LOAD_PROGRESS_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "kernels/base/activity.h"

namespace octet {

// Is called now and then, on the rank's own thread, with the bytes read so far and the known total.
using LoadProgress = std::function<void(uint64_t done, uint64_t total)>;

// A count of the bytes that several threads of a rank read.
class LoadCounter {
 public:
  // Call it on the rank's own thread, which is thread 0. `progress` must outlive this object.
  explicit LoadCounter(const LoadProgress& progress)
      : progress_(progress), activity_(Activity::OfThisThread()) {}

  // Adds `bytes` to the bytes that are to be read.
  void Expect(uint64_t bytes) { total_ += bytes; }

  // Adds `bytes` to the bytes that have been read. Any thread may call it.
  void Add(int thread, uint64_t bytes);

  // Reports what other threads have read. Call it on the rank's own thread.
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

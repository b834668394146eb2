// A request to stop, from another thread.

#ifndef OCTET_LAUNCH_SWEEP_STOP_FLAG_H_
#define OCTET_LAUNCH_SWEEP_STOP_FLAG_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace octet {

class StopFlag {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
  }

  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return is_set_;
  }

  // Waits until it is set, at most for so long.
  void WaitFor(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return is_set_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_STOP_FLAG_H_

#include "kernels/cpu/thread_pool.h"

#include <immintrin.h>

#include "kernels/base/activity.h"
#include "kernels/base/check.h"

namespace octet {
namespace {

// The rounds for which a thread waits in user space before it sleeps in the kernel: a few
// microseconds, about the time between two kernels of one layer.
constexpr int kSpins = 2000;

template <class T>
void WaitWhileEqual(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

void FlushDenormalsToZero() {
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  const unsigned state = _mm_getcsr();
  const unsigned wanted = state | kFlushToZero | kDenormalsAreZero;
  if (state != wanted) _mm_setcsr(wanted);
}

ThreadPool::ThreadPool(int num_threads) {
  for (int thread = 1; thread < num_threads; ++thread) {
    workers_.emplace_back([this, thread, label = ThreadLabel()] {
      SetThreadLabel(label);
      Work(thread);
    });
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(absl::FunctionRef<void(int)> f) {
  FlushDenormalsToZero();
  if (!workers_.empty()) {
    job_ = &f;
    unfinished_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
  }
  f(0);
  while (const int left = unfinished_.load(std::memory_order_acquire)) {
    WaitWhileEqual(unfinished_, left);
  }
  Activity::OfThisThread().Tick();
}

void ThreadPool::ForEach(int64_t n, absl::FunctionRef<void(int, int64_t)> f) {
  std::atomic<int64_t> next = 0;
  Activity& activity = Activity::OfThisThread();
  Run([&](int thread) {
    for (int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < n;
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      f(thread, i);
      activity.Advance();
      if (thread == 0) activity.Poll();
    }
  });
}

void ThreadPool::Work(int thread) {
  FlushDenormalsToZero();
  uint32_t done = 0;
  while (true) {
    WaitWhileEqual(generation_, done);
    done = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    (*job_)(thread);
    if (unfinished_.fetch_sub(1, std::memory_order_release) == 1) unfinished_.notify_one();
  }
}

}  // namespace octet

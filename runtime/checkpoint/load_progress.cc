#include "runtime/checkpoint/load_progress.h"

namespace octet {

void LoadCounter::Add(int thread, uint64_t bytes) {
  done_.fetch_add(bytes, std::memory_order_relaxed);
  activity_.Advance();
  if (thread != 0) return;
  activity_.Poll();
  Tell();
}

void LoadCounter::Tell() {
  const uint64_t done = done_.load(std::memory_order_relaxed);
  if (done == told_) return;
  told_ = done;
  progress_(done, total_);
}

}  // namespace octet

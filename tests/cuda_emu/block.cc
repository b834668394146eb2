#include "tests/cuda_emu/block.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/device_code.h"

namespace octet::cuda_emu {
namespace {

std::string ToString(const Site& site) { return absl::StrCat(site.file, ":", site.line); }

}  // namespace

void Block::Run(const dim3& shape, size_t dynamic_bytes, const std::function<void()>& body) {
  body_ = &body;
  shared_.Begin(dynamic_bytes);
  Prepare(shape);
  if (AccessObserver* observer = Emulation::Device().observer()) observer->BeginBlock(num_threads_);
  running_ = nullptr;
  RunAnother();
  if (num_alive_ > 0) ReportDeadlock();
  running_ = nullptr;
}

void Block::Prepare(const dim3& shape) {
  num_threads_ = static_cast<int>(shape.x * shape.y * shape.z);
  num_alive_ = num_threads_;
  num_at_barrier_ = 0;
  barrier_sum_ = 0;
  ready_.clear();
  while (std::ssize(threads_) < num_threads_) threads_.push_back(std::make_unique<Thread>());
  warps_.assign((num_threads_ + kWarpSize - 1) / kWarpSize, {});
  for (int i = 0; i < num_threads_; ++i) {
    Thread& thread = *threads_[i];
    const auto number = static_cast<unsigned>(i);
    thread.number = i;
    thread.index = {number % shape.x, number / shape.x % shape.y, number / (shape.x * shape.y)};
    thread.has_ended = false;
    thread.copies.Clear();
    thread.fiber.Prepare(&Block::RunThread);
    WarpOf(thread).alive |= 1U << i % kWarpSize;
    Continue(thread);
  }
}

void Block::RunThread() {
  Block& block = Running();
  (*block.body_)();
  block.EndThread();
}

// Those who wait for all that have not ended may go on now.
void Block::EndThread() {
  running_->copies.Finish();
  running_->has_ended = true;
  --num_alive_;
  Warp& warp = WarpOf(*running_);
  warp.alive &= ~(1U << lane());
  if (num_at_barrier_ > 0 && num_at_barrier_ == num_alive_) ReleaseBarrier();
  for (int l = 0; l < kWarpSize; ++l) {
    if ((warp.waiting >> l & 1U) == 0) continue;
    const Thread& other = LaneOf(*running_, l);
    if ((other.mask >> lane() & 1U) != 0) TryCollective(other);
  }
  RunAnother(/*ends=*/true);
}

void Block::Continue(Thread& thread) {
  thread.wait = Wait::kNothing;
  ready_.push_back(&thread);
}

// Leaves the thread that runs, or the caller of Run.
void Block::RunAnother(bool ends) {
  Fiber& from = running_ == nullptr ? caller_ : running_->fiber;
  if (ready_.empty()) {
    from.SwitchTo(caller_, ends);
    return;
  }
  std::swap(ready_[Emulation::Device().Draw(static_cast<uint32_t>(ready_.size()))], ready_.back());
  Thread* const next = ready_.back();
  ready_.pop_back();
  Thread* const me = std::exchange(running_, next);
  threadIdx = next->index;
  if (next == me) return;
  from.SwitchTo(next->fiber, ends);
}

int Block::Barrier(int predicate, const Site& site) {
  Thread& me = *running_;
  if (!Emulation::Device().Meet(site)) return predicate;
  if (num_at_barrier_ == 0) barrier_site_ = site;
  if (!(site == barrier_site_)) {
    Fail(absl::StrCat("the barrier at ", ToString(site), " meets the one at ",
                      ToString(barrier_site_)));
  }
  me.wait = Wait::kBarrier;
  me.site = site;
  barrier_sum_ += predicate;
  if (++num_at_barrier_ == num_alive_) ReleaseBarrier();
  RunAnother();
  return me.sum;
}

void Block::ReleaseBarrier() {
  if (num_alive_ < num_threads_) Fail("a barrier after which some threads have ended");
  num_at_barrier_ = 0;
  if (AccessObserver* observer = Emulation::Device().observer()) {
    observer->MeetInBlock(barrier_site_);
  }
  const int sum = std::exchange(barrier_sum_, 0);
  for (int i = 0; i < num_threads_; ++i) {
    Thread& thread = *threads_[i];
    if (thread.has_ended || thread.wait != Wait::kBarrier) continue;
    thread.sum = sum;
    Continue(thread);
  }
}

void Block::Collective(unsigned mask, WarpOperation operation, void* argument, const Site& site) {
  Thread& me = *running_;
  if ((mask >> lane() & 1U) == 0) Fail(absl::StrCat(ToString(site), ": not in its own mask"));
  me.wait = Wait::kWarp;
  me.site = site;
  me.mask = mask;
  me.operation = operation;
  me.argument = argument;
  WarpOf(me).waiting |= 1U << lane();
  TryCollective(me);
  RunAnother();
}

// The thread waits in a collective: takes place if all lanes of its mask do.
void Block::TryCollective(const Thread& thread) {
  Warp& warp = WarpOf(thread);
  const unsigned lanes = thread.mask & warp.alive;
  if ((lanes & ~warp.waiting) != 0) return;
  void* arguments[kWarpSize] = {};
  for (int l = 0; l < kWarpSize; ++l) {
    if ((lanes >> l & 1U) == 0) continue;
    const Thread& other = LaneOf(thread, l);
    if (other.mask != thread.mask) return;
    if (other.operation != thread.operation || !(other.site == thread.site)) {
      Fail(absl::StrCat("the warp operation at ", ToString(thread.site), " meets the one at ",
                        ToString(other.site)));
      return;
    }
    arguments[l] = other.argument;
  }
  thread.operation(arguments);
  warp.waiting &= ~lanes;
  for (int l = 0; l < kWarpSize; ++l) {
    if ((lanes >> l & 1U) != 0) Continue(LaneOf(thread, l));
  }
}

Block::Thread& Block::LaneOf(const Thread& thread, int lane) const {
  return *threads_[thread.number / kWarpSize * kWarpSize + lane];
}

void Block::ReportDeadlock() const {
  for (int i = 0; i < num_threads_; ++i) {
    const Thread& thread = *threads_[i];
    if (thread.has_ended) continue;
    Emulation::Device().Fail(absl::StrCat("thread ", i, " of ", num_threads_, " waits for ever at ",
                                          ToString(thread.site)));
    return;
  }
}

void Block::Fail(const std::string& what) const {
  Emulation::Device().Fail(absl::StrCat(what, " (block ", blockIdx.x, ", ", blockIdx.y, ", thread ",
                                        running_ ? running_->number : -1, ")"));
}

}  // namespace octet::cuda_emu

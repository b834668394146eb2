#include "kernels/base/activity.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace octet {

std::string Describe(const char* phase, int layer) {
  return layer < 0 ? phase : std::string(phase) + " of layer " + std::to_string(layer);
}

void SharedPlace::Set(Place place) {
  std::array<uint64_t, kPhaseWords> words = {};
  std::memcpy(words.data(), place.phase, std::min(std::strlen(place.phase), sizeof(words)));
  for (size_t i = 0; i < kPhaseWords; ++i) phase_[i].store(words[i], std::memory_order_relaxed);
  layer_.store(place.layer, std::memory_order_relaxed);
}

std::string SharedPlace::Describe() const {
  std::array<uint64_t, kPhaseWords + 1> words = {};  // one for the zero at the end
  for (size_t i = 0; i < kPhaseWords; ++i) words[i] = phase_[i].load(std::memory_order_relaxed);
  return octet::Describe(reinterpret_cast<const char*>(words.data()),
                         static_cast<int>(layer_.load(std::memory_order_relaxed)));
}

Activity& Activity::OfThisThread() {
  thread_local Activity activity;
  return activity;
}

void Activity::Enter(Place place) {
  Return(place);
  Advance();
  if (observer_) observer_(place);
}

void Activity::Return(Place place) {
  phase_.store(place.phase, std::memory_order_relaxed);
  layer_.store(place.layer, std::memory_order_relaxed);
  if (shared_ != nullptr) shared_->Set(place);
  if (recorder_) recorder_(place, waiting());
}

void Activity::SetShared(SharedPlace* shared) {
  shared_ = shared;
  Return(place());
}

void Activity::SetHook(Hook hook, std::chrono::nanoseconds interval) {
  hook_ = std::move(hook);
  interval_ = interval;
  next_poll_ = {};
}

void Activity::RunHook() {
  hook_();
  next_poll_ = Clock::now() + interval_;
}

}  // namespace octet

#include "tests/cuda_emu/race_detector.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace octet::cuda_emu {

void RaceDetector::BeginLaunch() { global_.Clear(); }

void RaceDetector::BeginBlock(int num_threads) {
  ++block_;
  shared_.Clear();
  threads_.assign(num_threads, {});
}

void RaceDetector::See(const Access& access) {
  ++num_accesses_;
  const Event now = Now(access.thread);
  ShadowMemory<Cell>& memory = access.space == Space::kShared ? shared_ : global_;
  memory.ForEach(access.p, access.bytes, [&](Cell& cell) {
    if (access.writes) {
      Write(cell, now, access.space, "writes");
    } else {
      Read(cell, now, access.space);
    }
  });
}

void RaceDetector::BeginCopy(int thread, const void* to, size_t bytes) {
  const Event now = Now(thread);
  shared_.ForEach(to, bytes, [&](Cell& cell) {
    Write(cell, now, Space::kShared, "copies to");
    cell.copy = now;
  });
}

void RaceDetector::EndCopy(int thread, const void* to, size_t bytes) {
  const Event now = Now(thread);
  shared_.ForEach(to, bytes, [&](Cell& cell) {
    cell.copy = {};
    cell.write = now;
  });
}

void RaceDetector::MeetInBlock(const Site& site) {
  const uint16_t place = PlaceOf(site);
  for (Thread& thread : threads_) {
    thread.met_in_block = thread.clock++;
    thread.place = place;
  }
}

void RaceDetector::MeetInWarp(int first, unsigned lanes, const Site& site) {
  std::array<uint32_t, kWarpSize> met = {};
  for (int l = 0; l < kWarpSize; ++l) {
    if ((lanes >> l & 1U) == 0) continue;
    const Thread& thread = threads_[first + l];
    for (int i = 0; i < kWarpSize; ++i) met[i] = std::max(met[i], thread.met_in_warp[i]);
    met[l] = std::max(met[l], thread.clock);
  }
  const uint16_t place = PlaceOf(site);
  for (int l = 0; l < kWarpSize; ++l) {
    if ((lanes >> l & 1U) == 0) continue;
    Thread& thread = threads_[first + l];
    thread.met_in_warp = met;
    ++thread.clock;
    thread.place = place;
  }
}

RaceDetector::Event RaceDetector::Now(int thread) const {
  const Thread& now = threads_[thread];
  return {block_, now.clock, static_cast<uint16_t>(thread), now.place};
}

bool RaceDetector::IsBefore(const Event& event, int thread) const {
  if (event.block != block_) return false;
  if (event.thread == thread || event.clock <= threads_[event.thread].met_in_block) return true;
  return event.thread / kWarpSize == thread / kWarpSize &&
         event.clock <= threads_[thread].met_in_warp[event.thread % kWarpSize];
}

uint16_t RaceDetector::PlaceOf(const Site& site) {
  const auto found = std::ranges::find(sites_, site);
  if (found != sites_.end()) return static_cast<uint16_t>(found - sites_.begin());
  sites_.push_back(site);
  return static_cast<uint16_t>(sites_.size() - 1);
}

void RaceDetector::Read(Cell& cell, const Event& now, Space space) {
  if (cell.copy.is_there()) {
    Report(cell.copy, "copies to", now, "reads", space);
  } else if (cell.write.is_there() && !IsBefore(cell.write, now.thread)) {
    Report(cell.write, "writes", now, "reads", space);
  }
  if (!cell.reads.empty() && cell.reads.back() == now) return;
  constexpr size_t kMany = 8;
  if (cell.reads.size() >= kMany && std::has_single_bit(cell.reads.size())) Tidy(cell.reads, now);
  cell.reads.push_back(now);
}

// Leaves the last read of each thread that is not before this one, and those of two other blocks:
// one of them is not the block that writes it later.
void RaceDetector::Tidy(std::vector<Event>& reads, const Event& now) const {
  std::vector<bool> has_read(threads_.size());
  int others = 0;
  uint32_t last = 0;
  std::ranges::reverse(reads);
  std::erase_if(reads, [&](const Event& read) {
    if (read.block == now.block) {
      const bool has_later = has_read[read.thread];
      has_read[read.thread] = true;
      return has_later || IsBefore(read, now.thread);
    }
    const bool is_another = read.block != std::exchange(last, read.block);
    others += is_another ? 1 : 0;
    return !is_another || others > 2;
  });
  std::ranges::reverse(reads);
}

void RaceDetector::Write(Cell& cell, const Event& now, Space space, const char* how) {
  if (cell.copy.is_there()) {
    Report(cell.copy, "copies to", now, how, space);
  } else if (cell.write.is_there() && !IsBefore(cell.write, now.thread)) {
    Report(cell.write, "writes", now, how, space);
  }
  for (const Event& read : cell.reads) {
    if (!IsBefore(read, now.thread)) Report(read, "reads", now, how, space);
  }
  cell.reads.clear();
  cell.write = now;
}

void RaceDetector::Report(const Event& first, const char* did, const Event& now, const char* does,
                          Space space) {
  const bool are_blocks = first.block != now.block;
  if (!reported_.insert({first.place, now.place, did, does, space, are_blocks}).second) return;
  races_.push_back(absl::StrCat(space == Space::kShared ? "shared" : "global", " memory: a thread ",
                                did, " it after ", NameOf(first.place), ", and a thread ", does,
                                " it after ", NameOf(now.place),
                                are_blocks ? " in another block" : ""));
}

std::string RaceDetector::NameOf(uint16_t place) const {
  if (place == 0) return "the beginning";
  return absl::StrCat(sites_[place].file, ":", sites_[place].line);
}

}  // namespace octet::cuda_emu

// Finds accesses of a kernel that nothing orders.

#ifndef OCTET_TESTS_CUDA_EMU_RACE_DETECTOR_H_
#define OCTET_TESTS_CUDA_EMU_RACE_DETECTOR_H_

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/block.h"
#include "tests/cuda_emu/shadow_memory.h"

namespace octet::cuda_emu {

// Watches the device while it lives. A race is two accesses of different threads to the same bytes
// in one launch, of which one writes, where neither happens before the other. What orders threads:
//
//   __syncthreads  all before it and all after it, of the block
//   __syncwarp     the same, of its lanes. Shuffles, votes, ldmatrix and mma promise no order
//   cp.async       writes at any moment until the thread waits for it; then as if the thread wrote
//
// Nothing orders blocks. It does not depend on the order in which the emulation happens to run
// threads: one run shows what any could.
class RaceDetector : public AccessObserver {
 public:
  RaceDetector() { Emulation::Device().Observe(this); }
  ~RaceDetector() override { Emulation::Device().Observe(nullptr); }
  RaceDetector(const RaceDetector&) = delete;
  RaceDetector& operator=(const RaceDetector&) = delete;

  // What was found, once for each pair of places.
  const std::vector<std::string>& races() const { return races_; }
  int64_t num_accesses() const { return num_accesses_; }

  void BeginLaunch() override;
  void BeginBlock(int num_threads) override;
  void See(const Access& access) override;
  void BeginCopy(int thread, const void* to, size_t bytes) override;
  void EndCopy(int thread, const void* to, size_t bytes) override;
  void MeetInBlock(const Site& site) override;
  void MeetInWarp(int first, unsigned lanes, const Site& site) override;

 private:
  // Who touched memory, and when. Clocks begin at 1.
  struct Event {
    uint32_t block = 0;
    uint32_t clock = 0;  // of the thread; 0: nobody
    uint16_t thread = 0;
    uint16_t place = 0;  // index in sites_

    bool is_there() const { return clock != 0; }
    bool operator==(const Event&) const = default;
  };

  // What happened to a granule: the last write, and those that have read it since; of those that
  // are before each other perhaps the last alone.
  struct Cell {
    Event write;
    Event copy;  // a cp.async that has not been waited for
    std::vector<Event> reads;
  };

  struct Thread {
    uint32_t clock = 1;
    uint32_t met_in_block = 0;                         // its clock when all met last
    std::array<uint32_t, kWarpSize> met_in_warp = {};  // the clocks of lanes that are before it
    uint16_t place = 0;
  };

  Event Now(int thread) const;
  bool IsBefore(const Event& event, int thread) const;
  uint16_t PlaceOf(const Site& site);
  std::string NameOf(uint16_t place) const;
  void Tidy(std::vector<Event>& reads, const Event& now) const;
  void Read(Cell& cell, const Event& now, Space space);
  void Write(Cell& cell, const Event& now, Space space, const char* how);
  void Report(const Event& first, const char* did, const Event& now, const char* does, Space space);

  std::vector<std::string> races_;
  int64_t num_accesses_ = 0;
  ShadowMemory<Cell> global_;  // of the launch
  ShadowMemory<Cell> shared_;  // of the block
  std::vector<Thread> threads_;
  std::vector<Site> sites_ = {{}};  // synchronisations, after the beginning of a block
  std::set<std::tuple<uint16_t, uint16_t, std::string, std::string, Space, bool>> reported_;
  uint32_t block_ = 0;  // counts on for ever
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_RACE_DETECTOR_H_

// What an emulated device is asked to do, and what it found.

#ifndef OCTET_TESTS_CUDA_EMU_EMULATION_H_
#define OCTET_TESTS_CUDA_EMU_EMULATION_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace octet::cuda_emu {

// What fills memory that nobody has written: each byte of a NaN of any format.
inline constexpr int kUnwritten = 0xFF;

// A line of device code.
struct Site {
  const char* file = "";
  int line = 0;

  bool operator==(const Site& other) const;
};

class AccessObserver;

struct Options {
  uint64_t seed = 1;                // of every order that CUDA leaves open
  Site removed = {};                // a synchronisation there does nothing; for tests of tests
  size_t shared_bytes = 163 << 10;  // most of a block, as sm_80 has it
};

// Held by the thread of the system that uses the device.
std::recursive_mutex& RuntimeMutex();
using RuntimeLock = std::lock_guard<std::recursive_mutex>;

// The device of this process.
class Emulation {
 public:
  static Emulation& Device() {
    static Emulation device;
    return device;
  }

  // Forgets what was found; for the beginning of a test.
  void Reset(const Options& options);

  const Options& options() const { return options_; }

  // A fault of device code, or of how it was called. The first 64 are kept.
  void Fail(const std::string& what);
  const std::vector<std::string>& faults() const { return faults_; }

  // A synchronisation is about to happen. False where it is the removed one.
  bool Meet(const Site& site);

  // Those met so far, each once.
  const std::vector<Site>& sites() const { return sites_; }

  // Whether memory is to be closed to the host now. It takes long where much is in use, so after
  // the first 500 times since Reset() only each 16th is.
  bool ShallClose() {
    constexpr int64_t kAlways = 500;
    constexpr int64_t kRarely = 16;
    return ++num_closed_ <= kAlways || num_closed_ % kRarely == 0;
  }

  // Who is told of all accesses; null: nobody. Reset() leaves it.
  void Observe(AccessObserver* observer) { observer_ = observer; }
  AccessObserver* observer() const { return observer_; }

  // cp.async has been asked for so many bytes of global memory.
  void CountAsyncBytes(size_t bytes) { async_bytes_ += static_cast<int64_t>(bytes); }
  int64_t async_bytes() const { return async_bytes_; }

  // From 0 to n - 1. Quick, since each switch of threads draws: SplitMix64 (Steele, Lea, Flood
  // 2014).
  uint32_t Draw(uint32_t n) {
    uint64_t x = random_ += 0x9E3779B97F4A7C15U;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return static_cast<uint32_t>((x >> 32) * n >> 32);
  }

 private:
  Options options_;
  AccessObserver* observer_ = nullptr;
  std::vector<std::string> faults_;
  std::vector<Site> sites_;
  int64_t async_bytes_ = 0;
  int64_t num_closed_ = 0;
  uint64_t random_ = 0;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_EMULATION_H_

// Numbers for probes of arithmetic, the same on every machine.

#ifndef OCTET_KERNELS_BASE_PROBE_NUMBERS_H_
#define OCTET_KERNELS_BASE_PROBE_NUMBERS_H_

#include <cstdint>
#include <vector>

namespace octet {

// The upper 24 bits of Knuth's generator (MMIX), as numbers from -1 to 1.
class ProbeNumbers {
 public:
  std::vector<float> Next(int64_t count) {
    std::vector<float> numbers(count);
    for (float& number : numbers) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      number = static_cast<float>(static_cast<int64_t>(state_ >> 40) - (1 << 23)) / (1 << 23);
    }
    return numbers;
  }

 private:
  uint64_t state_ = 1;
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_PROBE_NUMBERS_H_

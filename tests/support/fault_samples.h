#ifndef OCTET_TESTS_SUPPORT_FAULT_SAMPLES_H_
#define OCTET_TESTS_SUPPORT_FAULT_SAMPLES_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/support/sanitized.h"

namespace octet {

// Where each fault is tried in turn, with sanitizers only each fifth, which meets all that cases
// alternate between by 2 and by 3.
inline constexpr int64_t kFaultStep = kSanitized ? 5 : 1;

// How many faults of a kind are tried: so many, or with OCTET_FULL_SWEEP set `full`.
inline int64_t NumFaults(int64_t sample, int64_t full) {
  return std::getenv("OCTET_FULL_SWEEP") != nullptr ? full : sample;
}

// `count` of the numbers below `end`, each once as long as there are enough, in random order.
inline std::vector<int64_t> SamplePoints(int64_t count, int64_t end, uint32_t seed) {
  std::vector<int64_t> points;
  std::mt19937 random(seed);
  while (std::ssize(points) < count) {
    const auto begin = std::ssize(points);
    for (int64_t i = 0; i < end; ++i) points.push_back(i);
    std::shuffle(points.begin() + begin, points.end(), random);
  }
  points.resize(count);
  return points;
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_FAULT_SAMPLES_H_

// The time that has passed.

#ifndef OCTET_LAUNCH_STATISTICS_SECONDS_SINCE_H_
#define OCTET_LAUNCH_STATISTICS_SECONDS_SINCE_H_

#include <chrono>

namespace octet {

inline double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace octet

#endif  // OCTET_LAUNCH_STATISTICS_SECONDS_SINCE_H_

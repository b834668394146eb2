// Times in messages.

#ifndef OCTET_PARALLEL_WATCH_SECONDS_H_
#define OCTET_PARALLEL_WATCH_SECONDS_H_

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace octet {

// "2.1 s"
inline std::string Seconds(std::chrono::duration<double> time) {
  std::array<char, 32> text = {};
  std::snprintf(text.data(), text.size(), "%.1f s", time.count());
  return text.data();
}

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_SECONDS_H_

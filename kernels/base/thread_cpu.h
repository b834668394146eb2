// What the calling thread has cost.

#ifndef OCTET_KERNELS_BASE_THREAD_CPU_H_
#define OCTET_KERNELS_BASE_THREAD_CPU_H_

#include <ctime>

namespace octet {

// Seconds of processor time that the calling thread has used. About 200 ns a call.
inline double ThreadCpuSeconds() {
  constexpr double kNanosecond = 1e-9;
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + kNanosecond * static_cast<double>(time.tv_nsec);
}

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_THREAD_CPU_H_

// The processor time of the calling thread.

#ifndef OCTET_KERNELS_BASE_THREAD_CPU_H_
#define OCTET_KERNELS_BASE_THREAD_CPU_H_

#include <ctime>

namespace octet {

// Returns the seconds of processor time that the calling thread has used. A call takes about 200
// ns.
inline double ThreadCpuSeconds() {
  constexpr double kNanosecond = 1e-9;
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + kNanosecond * static_cast<double>(time.tv_nsec);
}

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_THREAD_CPU_H_

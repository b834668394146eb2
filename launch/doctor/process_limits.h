// The limits of this process, as the shell's ulimit names them.

#ifndef OCTET_LAUNCH_DOCTOR_PROCESS_LIMITS_H_
#define OCTET_LAUNCH_DOCTOR_PROCESS_LIMITS_H_

#include <vector>

#include "proto/doctor.pb.h"

namespace octet {

inline constexpr char kOpenFiles[] = "open files";
inline constexpr char kProcesses[] = "processes";
inline constexpr char kLockedMemory[] = "locked memory";  // bytes
inline constexpr char kFileSize[] = "file size";          // bytes
inline constexpr char kAddressSpace[] = "address space";  // bytes
inline constexpr char kCoreSize[] = "core size";          // bytes

std::vector<LimitFacts> ReadProcessLimits();

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_PROCESS_LIMITS_H_

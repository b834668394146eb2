// The names by which journals identify their writers, and times.

#ifndef OCTET_RUNTIME_BATCH_ATTEMPT_NAMES_H_
#define OCTET_RUNTIME_BATCH_ATTEMPT_NAMES_H_

#include <cstdint>
#include <string>

namespace octet {

std::string NowAsText();                     // to the second, UTC
std::string TimeAsText(int64_t since_1970);  // nanoseconds; to the second, UTC
std::string NameOfThisProcess();             // its number and host, and the time

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ATTEMPT_NAMES_H_

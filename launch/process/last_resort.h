// The last resort for errors that no check has found.

#ifndef OCTET_LAUNCH_PROCESS_LAST_RESORT_H_
#define OCTET_LAUNCH_PROCESS_LAST_RESORT_H_

#include <exception>
#include <string>

namespace octet {

// Returns what happened and what to do about it, as the end of a sentence.
std::string DescribeException(const std::exception& exception);

// From now on, an uncaught exception of any thread ends the job with a sentence on standard error.
void EndJobOnUncaughtExceptions();

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_LAST_RESORT_H_

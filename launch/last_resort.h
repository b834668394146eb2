// What is left where a size or a file was checked by nobody.

#ifndef OCTET_LAUNCH_LAST_RESORT_H_
#define OCTET_LAUNCH_LAST_RESORT_H_

#include <exception>
#include <string>

namespace octet {

// What happened, and what to do about it, as the end of a sentence.
std::string DescribeException(const std::exception& exception);

// An exception that nobody catches, of any thread, ends the job with a sentence on standard error.
void EndJobOnUncaughtExceptions();

}  // namespace octet

#endif  // OCTET_LAUNCH_LAST_RESORT_H_

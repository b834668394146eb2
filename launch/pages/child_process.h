// A program that answers with a text.

#ifndef OCTET_LAUNCH_PAGES_CHILD_PROCESS_H_
#define OCTET_LAUNCH_PAGES_CHILD_PROCESS_H_

#include <absl/status/statusor.h>

#include <chrono>
#include <string>
#include <vector>

namespace octet {

// Runs a program of the search path, by its words, with `input` as its standard input, and returns
// its standard output. Its environment has nothing but PATH and the locale C.UTF-8. Returns
// kNotFound if there is no such program, kDeadlineExceeded if it was killed because it ran for
// longer than `limit`, and kInternal with its first message if it failed. Counts as progress of
// this rank.
absl::StatusOr<std::string> OutputOfProgram(const std::vector<std::string>& words,
                                            const std::string& input,
                                            std::chrono::milliseconds limit);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_CHILD_PROCESS_H_

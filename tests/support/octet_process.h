// Runs the octet program as a user does.

#ifndef OCTET_TESTS_SUPPORT_OCTET_PROCESS_H_
#define OCTET_TESTS_SUPPORT_OCTET_PROCESS_H_

#include <string>
#include <vector>

namespace octet {

struct ProcessResult {
  int exit_code = -1;
  std::string output;  // standard output and error
};

// Runs a command line of the shell, with a time limit after which it is killed.
ProcessResult RunShell(const std::string& command);

// octet without a launcher (ranks = 0), or by launch/run.sh on so many ranks.
ProcessResult RunOctet(int ranks, const std::string& arguments);

struct SeparateResult {
  int exit_code = -1;  // 137: it was killed
  std::string output;  // standard output
  std::string error;   // standard error
};

// octet without a launcher, given these arguments as they are, from a directory; killed after so
// many seconds.
SeparateResult RunProgram(const std::vector<std::string>& arguments, const std::string& directory,
                          int seconds);

// The same on ranks, looking for leaks too.
ProcessResult RunOctetAndFindLeaks(int ranks, const std::string& arguments);

// Stands before a command that uses Open MPI. In programs built with sanitizers its own leaks are
// told from ours by whole stacks of all allocations, with which a job takes four times as long.
inline constexpr char kIgnoreLeaks[] = "ASAN_OPTIONS=detect_leaks=0 ";

// What stands in a shell before octet's arguments, and before mpirun's.
std::string OctetCommand(int ranks);
std::string MpirunCommand();

std::string OctetProgram();

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_OCTET_PROCESS_H_

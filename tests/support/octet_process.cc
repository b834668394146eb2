#include "tests/support/octet_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "kernels/base/check.h"
#include "tests/support/test_files.h"

namespace octet {

ProcessResult RunShell(const std::string& command) {
  const std::string limited = "timeout -k 5 100 bash -c '" + command + "' 2>&1 < /dev/null";
  FILE* pipe = popen(limited.c_str(), "r");
  OCTET_CHECK(pipe != nullptr);
  ProcessResult result;
  char buffer[4096];
  while (const size_t bytes = fread(buffer, 1, sizeof(buffer), pipe)) {
    result.output.append(buffer, bytes);
  }
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

SeparateResult RunProgram(const std::vector<std::string>& arguments, const std::string& directory,
                          int seconds) {
  std::vector<std::string> words = {"timeout", "-s", "KILL", std::to_string(seconds),
                                    OctetProgram()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string files = directory + "." + std::to_string(getpid());
  const pid_t child = fork();
  OCTET_CHECK(child >= 0);
  if (child == 0) {
    const bool ready = chdir(directory.c_str()) == 0 &&
                       std::freopen("/dev/null", "r", stdin) != nullptr &&
                       std::freopen((files + ".out").c_str(), "w", stdout) != nullptr &&
                       std::freopen((files + ".err").c_str(), "w", stderr) != nullptr;
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    if (ready) execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  OCTET_CHECK(waitpid(child, &status, 0) == child);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .output = ReadFile(files + ".out"),
          .error = ReadFile(files + ".err")};
}

std::string OctetProgram() { return OCTET_PROGRAM; }

namespace {

std::string ByRunScript(int ranks) {
  return "OCTET_BIN=" + OctetProgram() + " " OCTET_SOURCE_DIR "/launch/run.sh -n " +
         std::to_string(ranks);
}

}  // namespace

std::string OctetCommand(int ranks) {
  return ranks == 0 ? OctetProgram() : kIgnoreLeaks + ByRunScript(ranks);
}

std::string MpirunCommand() {
  return std::string(kIgnoreLeaks) +
         "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe "
         "--bind-to none";
}

ProcessResult RunOctet(int ranks, const std::string& arguments) {
  return RunShell(OctetCommand(ranks) + " " + arguments);
}

ProcessResult RunOctetAndFindLeaks(int ranks, const std::string& arguments) {
  return RunShell(
      "ASAN_OPTIONS=fast_unwind_on_malloc=0 "
      "LSAN_OPTIONS=print_suppressions=0:suppressions=" OCTET_SOURCE_DIR
      "/tests/lsan_suppressions.txt " +
      ByRunScript(ranks) + " " + arguments);
}

}  // namespace octet

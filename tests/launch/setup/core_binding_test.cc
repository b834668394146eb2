#include "launch/setup/core_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<RankCores> Ranks(int count, int allowed, int available,
                             const std::string& host = "node1") {
  return std::vector<RankCores>(
      count, RankCores{.host = host, .allowed = allowed, .available = available});
}

TEST(NoteOnBinding, NamesWhatIsIdleAndTheRemedy) {
  EXPECT_EQ(NoteOnBinding(Ranks(1, 1, 64), kMpirun, 0),
            "mpirun bound the rank on node1 to 1 core of the 64 that it could use: give --bind-to "
            "none, or start with launch/run.sh");
  EXPECT_EQ(NoteOnBinding(Ranks(2, 1, 64), kMpirun, 0),
            "mpirun bound ranks on node1 to 1 core each of the 64 that its 2 ranks could use: give "
            "--bind-to none, or start with launch/run.sh");
  EXPECT_EQ(NoteOnBinding(Ranks(4, 2, 64), kSrun, 0),
            "srun bound ranks on node1 to 2 cores each of the 64 that its 4 ranks could use: give "
            "--cpus-per-task, or start with launch/run.sh");
}

TEST(NoteOnBinding, ComesOnceForAllHosts) {
  std::vector<RankCores> ranks = Ranks(4, 16, 64, "node0");
  for (const char* host : {"node1", "node2", "node3"}) {
    for (const RankCores& rank : Ranks(2, 1, 64, host)) ranks.push_back(rank);
  }
  EXPECT_THAT(NoteOnBinding(ranks, kMpirun, 0),
              HasSubstr("bound ranks on node1 and 2 other hosts to 1 core each"));
}

TEST(NoteOnBinding, AFairShareIsNoNote) {
  EXPECT_EQ(NoteOnBinding(Ranks(1, 64, 64), kMpirun, 0), "");  // not bound
  EXPECT_EQ(NoteOnBinding(Ranks(64, 1, 64), kMpirun, 0), "");  // a core each
  EXPECT_EQ(NoteOnBinding(Ranks(4, 16, 64), kMpirun, 0), "");  // divided
  EXPECT_EQ(NoteOnBinding(Ranks(3, 32, 64), kMpirun, 0), "");  // to sockets
  EXPECT_EQ(NoteOnBinding(Ranks(2, 12, 48), kMpirun, 0).empty(), false);
  EXPECT_EQ(NoteOnBinding(Ranks(1, 1, 1), kMpirun, 0), "");   // there is but one
  EXPECT_EQ(NoteOnBinding(Ranks(8, 2, 2), kMpirun, 0), "");   // more ranks than cores
  EXPECT_EQ(NoteOnBinding(Ranks(2, 0, 64), kMpirun, 0), "");  // not known
  EXPECT_EQ(NoteOnBinding({}, kMpirun, 0), "");
}

TEST(NoteOnBinding, WhoAsksForFewThreadsHasEnough) {
  EXPECT_EQ(NoteOnBinding(Ranks(2, 4, 64), kMpirun, 4), "");
  EXPECT_THAT(NoteOnBinding(Ranks(2, 4, 64), kMpirun, 5), HasSubstr("to 4 cores each"));
}

int AllowedCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  EXPECT_EQ(sched_getaffinity(0, sizeof(cores), &cores), 0);
  return CPU_COUNT(&cores);
}

TEST(CountAvailableCores, IsNoMoreThanTheQuotaAndLeavesThisThreadAlone) {
  MemoryFileSystem files;
  const int allowed = AllowedCores();
  const int all = CountAvailableCores(files);
  EXPECT_GE(all, 1);
  for (const char* text :
       {"max 100000\n", "", "lots\n", "-1 100000\n", "100000 0\n", "99999999999 100000\n"}) {
    files.files["/sys/fs/cgroup/cpu.max"] = text;
    EXPECT_EQ(CountAvailableCores(files), all) << text;
  }
  files.files["/sys/fs/cgroup/cpu.max"] = "50000 100000\n";
  EXPECT_EQ(CountAvailableCores(files), 1);
  EXPECT_EQ(AllowedCores(), allowed);
}

// Open MPI binds one rank or two to a core each unless it is told not to.
TEST(NoteBinding, IsSaidUnderMpirunAndNotByTheRunScript) {
  if (AllowedCores() < 2) GTEST_SKIP() << "one core can't be divided";
  const std::string job =
      " run-batch --dry-run --model " OCTET_SOURCE_DIR "/launch/demo/model -i /dev/null -o -";
  const ProcessResult bound =
      RunShell(std::string(kIgnoreLeaks) +
               "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --bind-to core "
               "-n 1 " +
               OctetProgram() + job);
  EXPECT_THAT(bound.output, HasSubstr("octet: note: mpirun bound the rank on "));
  EXPECT_THAT(bound.output, HasSubstr("--bind-to none"));
  EXPECT_THAT(RunOctet(1, job).output, Not(HasSubstr("bound")));
}

}  // namespace
}  // namespace octet

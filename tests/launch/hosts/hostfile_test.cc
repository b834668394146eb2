#include "launch/hosts/hostfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/hosts/host_list.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<HostsOfRanks> ReadHosts(const std::string& text, int num_ranks = 0) {
  MemoryFileSystem files;
  files.files["hosts"] = text;
  return ReadHostfile(files, "--hosts", "hosts", num_ranks);
}

std::vector<int> HostsIn(const std::string& text, int num_ranks = 0) {
  const auto hosts = ReadHosts(text, num_ranks);
  EXPECT_TRUE(hosts.ok()) << hosts.status();
  return hosts.ok() ? hosts->host_of : std::vector<int>();
}

TEST(Hostfile, HasTheFormsOfMpi) {
  const std::vector<int> two_and_three = {0, 0, 1, 1, 1};
  for (const char* text : {
           "a slots=2\nb slots=3\n",
           "a slots=2 max_slots=4\r\nb   slots = 3  # more\r\n",
           "# hosts\n\n\ta max-slots=2 slots\t=2\nb slots=3",
           "a:2\nb:3\n",
           "user@a slots=2\nuser@b slots=3\n",
           "a:2 binding=rr\nb:3\n",
           "a:2,b:3\n",
           "a slots=2\nb slots=3\na slots=9\n",  // as launch/run.sh, a host once
           "a\na\nb\nb\nb\n",                    // a line for each rank, as in $PBS_NODEFILE
           "a\nb\na\nb\nb\n",
           "fe80::1 slots=2\n[fe80::2]:3\n",
       }) {
    EXPECT_EQ(HostsIn(text), two_and_three) << text;
    EXPECT_EQ(ReadHosts(text)->note, "") << text;
  }
  EXPECT_THAT(HostsIn("gpu[1-2,08-10]-ib slots=1\n"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(HostsIn("r[1-2]n[1-2]:2\n"), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3));
}

TEST(Hostfile, HostsWithoutANumberShareWhatIsLeft) {
  EXPECT_THAT(HostsIn("a\nb\nc\n"), ElementsAre(0, 1, 2));
  EXPECT_EQ(
      ReadHosts("a\nb slots=2\nc\n")->note,
      "--hosts hosts: 2 hosts without slots=N: 1 rank on each; slots=N, or --ranks for all of "
      "them, changes that");
  EXPECT_THAT(HostsIn("a\nb\n", 6), ElementsAre(0, 0, 0, 1, 1, 1));
  EXPECT_THAT(HostsIn("a\nb slots=3\nc\n", 5), ElementsAre(0, 1, 1, 1, 2));
  EXPECT_EQ(ReadHosts("a\nb\n", 6)->note,
            "--hosts hosts: 2 hosts without slots=N: 3 ranks on each");
  EXPECT_EQ(ReadHosts("a slots=1\nb:2", 3)->note, "");
}

TEST(Hostfile, SaysWhatIsWrong) {
  struct Wrong {
    const char* text;
    int num_ranks;
    const char* message;
  };
  for (const auto& [text, num_ranks, message] : {
           Wrong{"", 0, "names no host"},
           Wrong{"# none\n\n", 0, "names no host"},
           Wrong{"a\nb slots=x\n", 0, "line 2: slots=N must be a whole number from 1 to 65536"},
           Wrong{"a slots=0\n", 0, "line 1: slots=N must be"},
           Wrong{"a:0\n", 0, "line 1: slots=N must be"},
           Wrong{"a 4\n", 0, "line 1: '4' is neither slots=N nor another NAME=VALUE"},
           Wrong{"a b\n", 0, "'b' is neither slots=N"},
           Wrong{"a,,b\n", 0, "line 1: leaves a host empty"},
           Wrong{":4\n", 0, "line 1: leaves a host empty"},
           Wrong{"a[1-\n", 0, "'a[1-' has a bracket without another"},
           Wrong{"a]1[\n", 0, "has a bracket without another"},
           Wrong{"a[3-1]\n", 0, "'3-1' is no range of numbers"},
           Wrong{"a[x]\n", 0, "'x' is no range of numbers"},
           Wrong{"a[0-999999999]\n", 0, "is no range of numbers"},
           Wrong{"a[1-60000][1-9]\n", 0, "has more than 65536 hosts"},
           Wrong{"a slots=65536\nb\n", 0, "has slots for more than 65536 ranks"},
           Wrong{"a\nb\n", 5, "2 hosts without slots=N can't share 5 ranks that --ranks 5 leaves"},
           Wrong{"a\nb slots=4\n", 4, "1 host without slots=N can't share 0 ranks"},
       }) {
    const auto hosts = ReadHosts(text, num_ranks);
    ASSERT_FALSE(hosts.ok()) << text;
    EXPECT_THAT(std::string(hosts.status().message()),
                AllOf(StartsWith("--hosts hosts: "), HasSubstr(message)));
  }
  MemoryFileSystem files;
  EXPECT_THAT(std::string(ReadHostfile(files, "--hosts", "none", 0).status().message()),
              StartsWith("--hosts none: "));
}

TEST(HostList, IsAsSlurmWritesIt) {
  EXPECT_THAT(ExpandHostList("node[01-03,7],gpu1").value(),
              ElementsAre("node01", "node02", "node03", "node7", "gpu1"));
  EXPECT_THAT(ExpandHostList("a[9-11]").value(), ElementsAre("a9", "a10", "a11"));
  EXPECT_THAT(ExpandHostList("x").value(), ElementsAre("x"));
  EXPECT_THAT(ExpandHostList("[::1]").value(), ElementsAre("[::1]"));
}

}  // namespace
}  // namespace octet

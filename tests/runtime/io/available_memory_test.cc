#include "runtime/io/available_memory.h"

#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest() {
    files_.files["/proc/meminfo"] = "MemTotal:  9000 kB\nMemFree: 10 kB\nMemAvailable:  8000 kB\n";
  }
  void AddGroup(const std::string& directory, const std::string& limit, const std::string& usage,
                bool version2) {
    files_.files[directory + (version2 ? "/memory.max" : "/memory.limit_in_bytes")] = limit + "\n";
    files_.files[directory + (version2 ? "/memory.current" : "/memory.usage_in_bytes")] =
        usage + "\n";
  }
  AvailableMemory Read() {
    const auto read = ReadAvailableMemory(files_);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.value_or(AvailableMemory());
  }

  MemoryFileSystem files_;
};

TEST_F(AvailableMemoryTest, TheKernelsNumberWithoutGroups) {
  EXPECT_EQ(Read().bytes, 8000 * 1024);
  EXPECT_EQ(Read().limited_by, "/proc/meminfo");
}

TEST_F(AvailableMemoryTest, Version2AndItsParents) {
  files_.files["/proc/self/cgroup"] = "0::/a/b\n";
  AddGroup("/sys/fs/cgroup/a/b", "max", "1000", true);
  EXPECT_EQ(Read().bytes, 8000 * 1024);
  AddGroup("/sys/fs/cgroup/a", "5000000", "1000000", true);
  EXPECT_EQ(Read().bytes, 4000000);
  EXPECT_EQ(Read().limited_by, "/sys/fs/cgroup/a/memory.max");
  AddGroup("/sys/fs/cgroup/a/b", "3000000", "1000000", true);
  EXPECT_EQ(Read().bytes, 2000000);
  files_.files["/sys/fs/cgroup/a/b/memory.stat"] =
      "anon 5\ninactive_file 300000\nactive_file 200000\n";
  EXPECT_EQ(Read().bytes, 2500000);
}

TEST_F(AvailableMemoryTest, Version1) {
  files_.files["/proc/self/cgroup"] = "9:cpu,cpuacct:/x\n4:hugetlb,memory:/job/7\n0::/\n";
  AddGroup("/sys/fs/cgroup/memory", "9223372036854771712", "70000", false);
  EXPECT_EQ(Read().bytes, 8000 * 1024);
  AddGroup("/sys/fs/cgroup/memory/job", "600000", "100000", false);
  EXPECT_EQ(Read().bytes, 500000);
  files_.files["/sys/fs/cgroup/memory/job/memory.stat"] =
      "inactive_file 1\ntotal_inactive_file 40000\ntotal_active_file 10000\n";
  EXPECT_EQ(Read().bytes, 550000);
}

// In a container the path is the host's, and only the root is there.
TEST_F(AvailableMemoryTest, APathThatIsNotThere) {
  files_.files["/proc/self/cgroup"] = "0::/kubepods/pod1\n";
  AddGroup("/sys/fs/cgroup", "700000", "200000", true);
  EXPECT_EQ(Read().bytes, 500000);
}

TEST_F(AvailableMemoryTest, MoreTakenThanAllowedIsNothingLeft) {
  files_.files["/proc/self/cgroup"] = "0::/\n";
  AddGroup("/sys/fs/cgroup", "700", "900", true);
  EXPECT_EQ(Read().bytes, 0);
}

TEST_F(AvailableMemoryTest, NoMemInfoIsAnError) {
  files_.files["/proc/meminfo"] = "MemTotal: 1 kB\n";
  EXPECT_FALSE(ReadAvailableMemory(files_).ok());
  files_.files.clear();
  EXPECT_FALSE(ReadAvailableMemory(files_).ok());
}

TEST(AvailableMemory, OfThisMachine) {
  PosixFileSystem files;
  const auto read = ReadAvailableMemory(files);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_GT(read->bytes, int64_t{100} << 20);
}

}  // namespace
}  // namespace octet

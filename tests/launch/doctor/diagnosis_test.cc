// Each finding of octet doctor, from facts that are spoilt for it.

#include "launch/doctor/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/launch/doctor/healthy_hosts.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

TEST(Diagnose, HealthyHostsHaveNoFinding) {
  for (const DoctorFinding& finding : Diagnose(HealthyHosts())) {
    ADD_FAILURE() << finding.ShortDebugString();
  }
}

TEST(Diagnose, FactsThatAreNotKnownAreNoFinding) {
  DoctorReport report;
  report.add_ranks()->set_host("node1");
  report.add_ranks()->set_host("node2");
  for (const DoctorFinding& finding : Diagnose(report)) {
    ADD_FAILURE() << finding.ShortDebugString();
  }
}

// A fault of node2, and what is said about it.
struct SeededFault {
  const char* check;
  const char* severity;
  std::function<void(RankFacts& node2)> seed;
  const char* text;
  const char* remedy;
};

// Expects this finding alone, on node2.
void ExpectFinding(const SeededFault& fault) {
  DoctorReport report = HealthyHosts();
  fault.seed(*report.mutable_ranks(1));
  const std::vector<DoctorFinding> findings = Diagnose(report);
  ASSERT_EQ(findings.size(), 1U) << fault.check;
  EXPECT_EQ(findings[0].check(), fault.check);
  EXPECT_EQ(findings[0].severity(), fault.severity) << fault.check;
  EXPECT_THAT(findings[0].hosts(), ElementsAre("node2")) << fault.check;
  EXPECT_THAT(findings[0].text(), HasSubstr(fault.text));
  EXPECT_THAT(findings[0].remedy(), HasSubstr(fault.remedy));
}

LimitFacts& LimitOf(RankFacts& facts, const std::string& name) {
  for (LimitFacts& limit : *facts.mutable_limits()) {
    if (limit.name() == name) return limit;
  }
  ADD_FAILURE() << name;
  return *facts.add_limits();
}

TEST(Diagnose, Programs) {
  ExpectFinding({"octet-version", "error",
                 [](RankFacts& f) { f.set_octet_version("0.1.0+def5678"); },
                 "octet 0.1.0+def5678 is another build than octet 0.1.0+abc1234 of rank 0 on node1",
                 "put the same program on all hosts"});
  ExpectFinding({"octet-version", "error", [](RankFacts& f) { f.set_program_hash("other"); },
                 "is another build", "put the same program"});
  ExpectFinding({"mpi-version", "error", [](RankFacts& f) { f.set_mpi_version("Open MPI v5.0.3"); },
                 "Open MPI v5.0.3, but Open MPI v4.1.4 for rank 0 on node1", "openmpi-bin"});
  ExpectFinding({"kernel-version", "note", [](RankFacts& f) { f.set_kernel("5.10.0"); },
                 "Linux 5.10.0, but 6.1.0 on node1", "update the hosts"});
}

TEST(Diagnose, Clocks) {
  ExpectFinding({"clock", "warning", [](RankFacts& f) { f.set_clock_offset_seconds(-1.5); },
                 "the clock is at least 1.5 s behind that of node1", "chrony"});
  ExpectFinding({"clock", "warning", [](RankFacts& f) { f.set_clock_offset_seconds(3600); },
                 "3600.0 s ahead of that of node1", "chrony"});
  DoctorReport report = HealthyHosts();
  report.mutable_ranks(1)->set_clock_offset_seconds(0.9);
  EXPECT_TRUE(Diagnose(report).empty());
}

TEST(Diagnose, Processors) {
  ExpectFinding({"instruction-path", "warning", [](RankFacts& f) { f.add_isas("amx"); },
                 "could use amx, but all ranks will use avx512_bf16", "leave the hosts with less"});
  DoctorReport desktop = HealthyHosts();
  RankFacts& rank = *desktop.mutable_ranks(1);
  rank.clear_isas();
  for (const char* isa : {"avx2", "avx_vnni"}) rank.add_isas(isa);
  const std::vector<DoctorFinding> findings = Diagnose(desktop);
  ASSERT_EQ(findings.size(), 1U);  // AMD's have no AVX-VNNI
  EXPECT_THAT(findings[0].hosts(), ElementsAre("node1", "node2"));
  EXPECT_THAT(findings[0].text(), HasSubstr("could use avx512_bf16, but all ranks will use avx2"));
  rank.clear_isas();
  rank.add_isas("a path of another build");
  EXPECT_TRUE(Diagnose(desktop).empty());
  ExpectFinding({"instruction-path", "error",
                 [](RankFacts& f) {
                   f.clear_isas();
                   f.add_isas("none");
                 },
                 "has no AVX2 with FMA", "leave this host out"});
  ExpectFinding({"cpu-governor", "warning", [](RankFacts& f) { f.add_governors("powersave"); },
                 "governed by 'powersave'", "cpupower frequency-set -g performance"});
}

TEST(Diagnose, Binding) {
  ExpectFinding({"core-binding", "warning",
                 [](RankFacts& f) {
                   f.clear_allowed_cores();
                   f.add_allowed_cores(2);
                 },
                 "mpirun bound the rank on node2 to 1 core of the 4 that it could use",
                 "give --bind-to none"});
}

TEST(Diagnose, ABoundRankThatNeedsNoMoreCores) {
  DoctorReport report = HealthyHosts();
  report.mutable_ranks(1)->mutable_allowed_cores()->Truncate(2);
  EXPECT_EQ(Diagnose(report).size(), 1U);
  report.set_threads(2);
  EXPECT_TRUE(Diagnose(report).empty());
}

// Two ranks of one host of 4 cores.
std::vector<std::string> ChecksOnCores(const std::vector<int>& first,
                                       const std::vector<int>& second) {
  DoctorReport report;
  for (const auto& cores : {first, second}) {
    RankFacts& facts = *report.add_ranks() = HealthyRank(report.ranks_size(), "node1");
    facts.mutable_allowed_cores()->Clear();
    facts.mutable_allowed_cores()->Add(cores.begin(), cores.end());
  }
  std::vector<std::string> checks;
  for (const DoctorFinding& finding : Diagnose(report)) {
    checks.push_back(finding.check() + ": " + finding.text());
  }
  return checks;
}

TEST(Diagnose, RanksOnTheSameCores) {
  EXPECT_THAT(ChecksOnCores({0, 1, 2, 3}, {0, 1, 2, 3}), ElementsAre());  // not bound
  EXPECT_THAT(ChecksOnCores({0, 1}, {2, 3}), ElementsAre());              // divided
  EXPECT_THAT(ChecksOnCores({0, 1, 2}, {0, 1, 2}),
              ElementsAre("shared-cores: ranks 0 and 1 are bound to the same cores 0,1,2"));
  EXPECT_THAT(ChecksOnCores({0, 1, 2}, {2, 3}),
              ElementsAre("shared-cores: ranks 0 and 1 are bound to the same core 2"));
}

TEST(Diagnose, MoreRanksThanCores) {
  DoctorReport report;
  for (int rank = 0; rank < 5; ++rank) *report.add_ranks() = HealthyRank(rank, "node1");
  const std::vector<DoctorFinding> findings = Diagnose(report);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].text(), "5 ranks share 4 cores");
}

TEST(Diagnose, UnequalHosts) {
  ExpectFinding({"unequal-cores", "note",
                 [](RankFacts& f) {
                   f.mutable_allowed_cores()->Truncate(2);
                   f.set_available_cores(2);
                 },
                 "has 2 cores, node1 has 4", "fewer ranks or experts"});
  ExpectFinding({"unequal-memory", "note",
                 [](RankFacts& f) {
                   f.mutable_memory()->set_total_bytes(32 * kGiB);
                   f.mutable_memory()->set_available_bytes(30 * kGiB);
                   f.mutable_memory()->set_usable_bytes(30 * kGiB);
                 },
                 "has 32.00 GiB of memory for each rank, node1 has 64.00 GiB", "balanced"});
}

TEST(Diagnose, NumaNodes) {
  DoctorReport report;
  for (int rank = 0; rank < 2; ++rank) {
    RankFacts& facts = *report.add_ranks() = HealthyRank(rank, "node1");
    NumaNodeFacts& node = *facts.add_numa_nodes();
    node.set_node(1);
    node.set_cores(4);
    node.set_memory_bytes(16 * kGiB);
  }
  const std::vector<DoctorFinding> findings = Diagnose(report);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].check(), "numa-memory");
  EXPECT_EQ(findings[0].text(), "NUMA node 1 has 16.00 GiB of memory, node 0 has 64.00 GiB");
  report.mutable_ranks()->RemoveLast();
  for (NumaNodeFacts& node : *report.mutable_ranks(0)->mutable_numa_nodes()) {
    node.set_memory_bytes(32 * kGiB);
  }
  ASSERT_EQ(Diagnose(report).size(), 1U);
  EXPECT_EQ(Diagnose(report)[0].check(), "numa-ranks");
  EXPECT_THAT(Diagnose(report)[0].remedy(), HasSubstr("--ranks-per-host 2"));
}

TEST(Diagnose, Memory) {
  ExpectFinding({"memory-available", "warning",
                 [](RankFacts& f) {
                   f.mutable_memory()->set_available_bytes(kGiB);
                   f.mutable_memory()->set_usable_bytes(kGiB);
                 },
                 "1.00 GiB of 64.00 GiB of memory are free", "end other programs"});
  ExpectFinding({"memory-limit", "warning",
                 [](RankFacts& f) {
                   f.mutable_memory()->set_usable_bytes(4 * kGiB);
                   f.mutable_memory()->set_usable_limited_by("/sys/fs/cgroup/memory.max");
                 },
                 "/sys/fs/cgroup/memory.max allows only 4.00 GiB of the 60.00 GiB", "raise"});
  ExpectFinding({"swap", "note", [](RankFacts& f) { f.mutable_memory()->set_swap_bytes(kGiB); },
                 "1.00 GiB of swap are on", "swapoff -a"});
  ExpectFinding({"swap", "warning",
                 [](RankFacts& f) {
                   f.mutable_memory()->set_swap_bytes(2 * kGiB);
                   f.mutable_memory()->set_swap_used_bytes(kGiB);
                 },
                 "1.00 GiB are swapped out", "swapoff -a"});
  ExpectFinding(
      {"huge-pages", "warning", [](RankFacts& f) { f.mutable_memory()->set_huge_pages("never"); },
       "huge pages are off", "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
  ExpectFinding({"shared-huge-pages", "note",
                 [](RankFacts& f) { f.mutable_memory()->set_shmem_huge_pages("never"); },
                 "memory that ranks share", "echo advise > "});
}

TEST(Diagnose, Limits) {
  ExpectFinding({"open-files", "error", [](RankFacts& f) { LimitOf(f, kOpenFiles).set_soft(64); },
                 "at most 64 open files", "ulimit -n 1024"});
  ExpectFinding({"open-files", "warning",
                 [](RankFacts& f) {
                   LimitOf(f, kOpenFiles).set_soft(512);
                   LimitOf(f, kOpenFiles).set_hard(512);
                 },
                 "at most 512 open files", "raise 'nofile' in /etc/security/limits.conf to 1024"});
  ExpectFinding({"processes", "error", [](RankFacts& f) { LimitOf(f, kProcesses).set_soft(10); },
                 "at most 10 processes and threads", "ulimit -u 1024"});
  ExpectFinding({"processes", "warning", [](RankFacts& f) { LimitOf(f, kProcesses).set_soft(100); },
                 "at most 100", "ulimit -u 1024"});
  ExpectFinding({"locked-memory", "note",
                 [](RankFacts& f) { LimitOf(f, kLockedMemory).set_soft(64 << 10); },
                 "at most 64 KiB of memory may be locked, which matters for InfiniBand",
                 "ulimit -l unlimited"});
  ExpectFinding({"locked-memory", "warning",
                 [](RankFacts& f) {
                   f.set_has_infiniband(true);
                   LimitOf(f, kLockedMemory).set_soft(64 << 10);
                 },
                 "at most 64 KiB of memory may be locked", "ulimit -l unlimited"});
  ExpectFinding({"file-size", "error", [](RankFacts& f) { LimitOf(f, kFileSize).set_soft(kMiB); },
                 "files may have at most 0.00 GiB", "ulimit -f unlimited"});
  ExpectFinding({"address-space", "error",
                 [](RankFacts& f) { LimitOf(f, kAddressSpace).set_soft(8 * kGiB); },
                 "a process may map at most 8.00 GiB", "ulimit -v unlimited"});
  ExpectFinding({"core-size", "note", [](RankFacts& f) { LimitOf(f, kCoreSize).set_soft(0); },
                 "a crash leaves no core file", "ulimit -c unlimited"});
}

TEST(Diagnose, Space) {
  ExpectFinding({"temporary-files", "error",
                 [](RankFacts& f) { f.mutable_directories(0)->set_free_bytes(kMiB); },
                 "/tmp has 1 MiB free of 32768", "set TMPDIR"});
  ExpectFinding({"temporary-files", "error",
                 [](RankFacts& f) { f.mutable_directories(0)->set_error("Permission denied"); },
                 "/tmp can't be written: Permission denied", "mode 1777"});
  ExpectFinding({"shared-memory", "warning",
                 [](RankFacts& f) {
                   f.mutable_directories(1)->set_total_bytes(64 * kMiB);
                   f.mutable_directories(1)->set_free_bytes(64 * kMiB);
                 },
                 "/dev/shm has 64 MiB free of 64", "--shm-size"});
}

}  // namespace
}  // namespace octet

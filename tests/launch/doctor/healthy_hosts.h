// Facts of hosts with which nothing is wrong, for tests to spoil.

#ifndef OCTET_TESTS_LAUNCH_DOCTOR_HEALTHY_HOSTS_H_
#define OCTET_TESTS_LAUNCH_DOCTOR_HEALTHY_HOSTS_H_

#include <absl/strings/str_cat.h>

#include <string>

#include "launch/doctor/process_limits.h"
#include "proto/doctor.pb.h"

namespace octet {

inline RankFacts HealthyRank(int rank, const std::string& host) {
  constexpr int64_t kGiB = int64_t{1} << 30;
  RankFacts facts;
  facts.set_rank(rank);
  facts.set_host(host);
  facts.set_octet_version("0.1.0+abc1234");
  facts.set_program_hash("0123456789abcdef");
  facts.set_mpi_version("Open MPI v4.1.4");
  facts.set_kernel("6.1.0");
  facts.set_cpu_model("AMD EPYC 9654 96-Core Processor");
  for (const char* isa : {"avx2", "avx512", "avx512_vnni", "avx512_bf16"}) facts.add_isas(isa);
  facts.set_launcher("mpirun");
  for (int core = 0; core < 4; ++core) facts.add_allowed_cores(core);
  facts.set_available_cores(4);
  NumaNodeFacts& node = *facts.add_numa_nodes();
  node.set_cores(4);
  node.set_memory_bytes(64 * kGiB);
  MemoryFacts& memory = *facts.mutable_memory();
  memory.set_total_bytes(64 * kGiB);
  memory.set_available_bytes(60 * kGiB);
  memory.set_usable_bytes(60 * kGiB);
  memory.set_usable_limited_by("/proc/meminfo");
  memory.set_huge_pages("madvise");
  memory.set_shmem_huge_pages("advise");
  for (const char* name :
       {kOpenFiles, kProcesses, kLockedMemory, kFileSize, kAddressSpace, kCoreSize}) {
    LimitFacts& limit = *facts.add_limits();
    limit.set_name(name);
    limit.set_soft(-1);
    limit.set_hard(-1);
  }
  for (const char* path : {"/tmp", "/dev/shm"}) {
    DirectoryFacts& directory = *facts.add_directories();
    directory.set_path(path);
    directory.set_total_bytes(32 * kGiB);
    directory.set_free_bytes(31 * kGiB);
  }
  return facts;
}

inline void AddInterface(RankFacts& facts, const std::string& name, const std::string& address,
                         int64_t megabits_per_second) {
  InterfaceFacts& interface = *facts.add_interfaces();
  interface.set_name(name);
  interface.set_address(address);
  interface.set_prefix_length(24);
  interface.set_megabits_per_second(megabits_per_second);
  interface.set_is_loopback(name == "lo");
  interface.set_is_bridge(name == "docker0");
}

inline void AddConnection(RankFacts& facts, const std::string& local, const std::string& remote) {
  TcpFacts& connection = *facts.add_connections();
  connection.set_local_address(local);
  connection.set_remote_address(remote);
}

// Two hosts with a rank each, which talk over eth0 with 25 Gbit/s. The rank of node1 is 0.
inline DoctorReport HealthyHosts() {
  DoctorReport report;
  for (int rank = 0; rank < 2; ++rank) {
    RankFacts& facts = *report.add_ranks() = HealthyRank(rank, absl::StrCat("node", rank + 1));
    AddInterface(facts, "lo", "127.0.0.1", 0);
    AddInterface(facts, "eth0", absl::StrCat("10.0.0.", rank + 1), 25000);
    AddConnection(facts, absl::StrCat("10.0.0.", rank + 1), absl::StrCat("10.0.0.", 2 - rank));
    facts.set_dram_bytes_per_second(200e9);
  }
  LinkFacts& link = *report.add_links();
  link.set_rank(0);
  link.set_peer(1);
  link.set_latency_seconds(20e-6);
  link.set_bytes_per_second(2.5e9);
  return report;
}

}  // namespace octet

#endif  // OCTET_TESTS_LAUNCH_DOCTOR_HEALTHY_HOSTS_H_

#include "launch/doctor/host_facts.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "kernels/cpu/isa.h"
#include "kernels/cuda/cuda_runtime.h"
#include "launch/bench/machine_facts.h"
#include "launch/doctor/model_facts.h"
#include "launch/doctor/network_facts.h"
#include "launch/doctor/process_limits.h"
#include "launch/setup/core_binding.h"
#include "launch/version.h"
#include "runtime/io/available_memory.h"

namespace octet {
namespace {

// Returns the text of a file of /proc or /sys without white space around it; empty if there is
// none.
std::string ReadSystemFile(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadStream(path);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

// Returns the bytes of the lines "NAME: N kB" of a text.
std::map<std::string, int64_t> ParseMeminfo(const std::string& text) {
  std::map<std::string, int64_t> bytes;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    const auto name = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word.back() == ':'; });
    int64_t kib = 0;
    if (name == words.end() || name + 1 == words.end() || !absl::SimpleAtoi(*(name + 1), &kib)) {
      continue;
    }
    bytes[name->substr(0, name->size() - 1)] = kib * 1024;
  }
  return bytes;
}

// Returns the choice in brackets: "always [madvise] never" is "madvise".
std::string ChosenOf(const std::string& text) {
  const size_t open = text.find('[');
  const size_t close = text.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return text.substr(open + 1, close - open - 1);
}

void AddAllowedCores(RankFacts& facts) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &cores)) facts.add_allowed_cores(core);
  }
}

void AddDevices(RankFacts& facts) {
  const absl::StatusOr<std::vector<CudaDevice>> devices = FindCudaDevices();
  if (!devices.ok()) return;
  for (const CudaDevice& device : *devices) facts.add_devices(device.name);
}

std::string KernelRelease() {
  utsname name = {};
  return uname(&name) == 0 ? name.release : "";
}

std::string ReadEnvironment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

}  // namespace

std::vector<int> ParseNumberList(const std::string& list) {
  std::vector<int> numbers;
  for (const absl::string_view part : absl::StrSplit(list, ',', absl::SkipWhitespace())) {
    const std::vector<std::string> ends = absl::StrSplit(part, '-');
    int first = 0;
    int last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || first < 0 || last < first) {
      return {};
    }
    for (int number = first; number <= last; ++number) numbers.push_back(number);
  }
  return numbers;
}

MemoryFacts ReadMemoryFacts(FileSystem& files) {
  MemoryFacts facts;
  std::map<std::string, int64_t> bytes = ParseMeminfo(ReadSystemFile(files, "/proc/meminfo"));
  facts.set_total_bytes(bytes["MemTotal"]);
  facts.set_available_bytes(bytes["MemAvailable"]);
  facts.set_swap_bytes(bytes["SwapTotal"]);
  facts.set_swap_used_bytes(bytes["SwapTotal"] - bytes["SwapFree"]);
  const absl::StatusOr<AvailableMemory> available = ReadAvailableMemory(files);
  if (available.ok()) {
    facts.set_usable_bytes(available->bytes);
    facts.set_usable_limited_by(available->limited_by);
  }
  const std::string directory = "/sys/kernel/mm/transparent_hugepage/";
  facts.set_huge_pages(ChosenOf(ReadSystemFile(files, directory + "enabled")));
  facts.set_shmem_huge_pages(ChosenOf(ReadSystemFile(files, directory + "shmem_enabled")));
  return facts;
}

void AddProcessorFacts(FileSystem& files, RankFacts& facts) {
  const std::string nodes = "/sys/devices/system/node/";
  for (const int number : ParseNumberList(ReadSystemFile(files, nodes + "online"))) {
    const std::string directory = absl::StrCat(nodes, "node", number);
    NumaNodeFacts& node = *facts.add_numa_nodes();
    node.set_node(number);
    node.set_cores(
        static_cast<int>(ParseNumberList(ReadSystemFile(files, directory + "/cpulist")).size()));
    node.set_memory_bytes(ParseMeminfo(ReadSystemFile(files, directory + "/meminfo"))["MemTotal"]);
  }
  std::set<std::string> governors;
  for (const int core : facts.allowed_cores()) {
    governors.insert(ReadSystemFile(
        files, absl::StrCat("/sys/devices/system/cpu/cpu", core, "/cpufreq/scaling_governor")));
  }
  governors.erase("");
  facts.mutable_governors()->Add(governors.begin(), governors.end());
}

DirectoryFacts ReadDirectoryFacts(const std::string& path) {
  DirectoryFacts facts;
  facts.set_path(path);
  struct statvfs system = {};
  if (statvfs(path.c_str(), &system) != 0 || access(path.c_str(), W_OK | X_OK) != 0) {
    facts.set_error(std::strerror(errno));
    return facts;
  }
  facts.set_total_bytes(static_cast<int64_t>(system.f_blocks * system.f_frsize));
  facts.set_free_bytes(static_cast<int64_t>(system.f_bavail * system.f_frsize));
  return facts;
}

std::string BestIsa(const RankFacts& facts) {
  return facts.isas().empty() ? "" : *facts.isas().rbegin();
}

RankFacts ReadRankFacts(FileSystem& files) {
  RankFacts facts;
  facts.set_octet_version(OctetVersion());
  facts.set_program_hash(HashOfFile(files, "/proc/self/exe"));
  facts.set_mpi_version(MpiVersion());
  facts.set_kernel(KernelRelease());
  facts.set_cpu_model(CpuModel(files));
  for (const Isa isa : SupportedIsas()) facts.add_isas(Name(isa));
  if (facts.isas().empty()) facts.add_isas("none");
  AddDevices(facts);
  facts.set_launcher(FindLauncher());
  AddAllowedCores(facts);
  facts.set_available_cores(CountAvailableCores(files));
  AddProcessorFacts(files, facts);
  *facts.mutable_memory() = ReadMemoryFacts(files);
  for (const LimitFacts& limit : ReadProcessLimits()) *facts.add_limits() = limit;
  const std::string temporary = ReadEnvironment("TMPDIR");
  *facts.add_directories() = ReadDirectoryFacts(temporary.empty() ? "/tmp" : temporary);
  *facts.add_directories() = ReadDirectoryFacts("/dev/shm");
  for (const InterfaceFacts& interface : ReadInterfaces(files)) *facts.add_interfaces() = interface;
  facts.set_interfaces_chosen(ReadEnvironment("OMPI_MCA_btl_tcp_if_include"));
  const auto infiniband = files.List("/sys/class/infiniband");
  facts.set_has_infiniband(infiniband.ok() && !infiniband->empty());
  return facts;
}

}  // namespace octet

#include "launch/bench/machine_facts.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <set>
#include <utility>
#include <vector>

#include "kernels/cpu/cache_sizes.h"
#include "kernels/cpu/machine_topology.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

// Returns the text of a file of /proc or /sys, or an empty text if there is none.
std::string ReadFact(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadStream(path);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

}  // namespace

std::string CpuModel(FileSystem& files) {
  const std::string text = ReadFact(files, "/proc/cpuinfo");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(field.first) == "model name") {
      return std::string(absl::StripAsciiWhitespace(field.second));
    }
  }
  return "";
}

std::string CpuModels(Communicator& comm, FileSystem& files) {
  const std::vector<std::string> all = AllGather(comm, {"machine facts"}, CpuModel(files));
  return absl::StrJoin(std::set<std::string>(all.begin(), all.end()), ", ");
}

int CountHosts(const Communicator& comm) {
  const auto hosts = comm.hosts();
  return static_cast<int>(std::set<std::string>(hosts.begin(), hosts.end()).size());
}

CacheSizes FindCacheSizes() {
  const CacheBytes bytes = FindCaches(MachineTopology());
  CacheSizes caches;
  caches.set_l1d_bytes(static_cast<int64_t>(bytes.l1d));
  caches.set_l2_bytes(static_cast<int64_t>(L2BytesPerCore()));
  caches.set_l3_bytes(static_cast<int64_t>(bytes.l3));
  return caches;
}

}  // namespace octet

#include <absl/strings/str_cat.h>

#include "launch/doctor/checks.h"
#include "launch/setup/memory_plan.h"

namespace octet {
namespace {

constexpr int64_t kDoctorMiB = int64_t{1} << 20;
constexpr int64_t kDoctorGiB = int64_t{1} << 30;

void CheckAvailable(const DoctorHost& host, FindingList& findings) {
  const MemoryFacts& memory = host.facts().memory();
  if (memory.total_bytes() == 0) return;
  const int64_t available = memory.available_bytes();
  if (available < 2 * kDoctorGiB || available < memory.total_bytes() / 4) {
    findings.Add(host.name, {kDoctorWarning, "memory-available",
                             absl::StrCat(FormatGiB(available), " of ",
                                          FormatGiB(memory.total_bytes()), " of memory are free"),
                             "end other programs there (ps aux --sort -rss | head)"});
  }
  if (memory.usable_bytes() > 0 && memory.usable_bytes() < available / 2) {
    findings.Add(host.name, {kDoctorWarning, "memory-limit",
                             absl::StrCat(memory.usable_limited_by(), " allows only ",
                                          FormatGiB(memory.usable_bytes()), " of the ",
                                          FormatGiB(available), " of memory that are free"),
                             "raise the limit of the container, or sbatch's --mem"});
  }
}

void CheckSwap(const DoctorHost& host, FindingList& findings) {
  const MemoryFacts& memory = host.facts().memory();
  if (memory.swap_used_bytes() > 64 * kDoctorMiB) {
    findings.Add(host.name, {kDoctorWarning, "swap",
                             absl::StrCat(FormatGiB(memory.swap_used_bytes()), " are swapped out"),
                             "end what fills the memory, then: swapoff -a"});
  } else if (memory.swap_bytes() > 0) {
    findings.Add(host.name, {kDoctorNote, "swap",
                             absl::StrCat(FormatGiB(memory.swap_bytes()),
                                          " of swap are on: a full host slows all others down"),
                             "swapoff -a"});
  }
}

void CheckHugePages(const DoctorHost& host, FindingList& findings) {
  const MemoryFacts& memory = host.facts().memory();
  const std::string directory = "/sys/kernel/mm/transparent_hugepage/";
  if (memory.huge_pages() == "never") {
    findings.Add(host.name,
                 {kDoctorWarning, "huge-pages", "huge pages are off, so that weights read slower",
                  absl::StrCat("echo madvise > ", directory, "enabled")});
  }
  const std::string& shared = memory.shmem_huge_pages();
  if (shared == "never" || shared == "deny") {
    findings.Add(host.name, {kDoctorNote, "shared-huge-pages",
                             "memory that ranks share has no huge pages from the start",
                             absl::StrCat("echo advise > ", directory, "shmem_enabled")});
  }
}

void CheckEqualMemory(const CheckInput& input, FindingList& findings) {
  const DoctorHost* most = nullptr;
  const auto of_rank = [](const DoctorHost& host) {
    return host.facts().memory().total_bytes() / std::ssize(host.ranks);
  };
  for (const DoctorHost& host : input.hosts) {
    if (most == nullptr || of_rank(host) > of_rank(*most)) most = &host;
  }
  for (const DoctorHost& host : input.hosts) {
    if (of_rank(host) == 0 || of_rank(host) > of_rank(*most) / 10 * 8) continue;
    findings.Add(host.name,
                 {kDoctorNote, "unequal-memory",
                  absl::StrCat("has ", FormatGiB(of_rank(host)), " of memory for each rank, ",
                               most->name, " has ", FormatGiB(of_rank(*most))),
                  "give it fewer ranks or experts (--placement balanced considers memory)"});
  }
}

}  // namespace

void CheckMemory(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    CheckAvailable(host, findings);
    CheckSwap(host, findings);
    CheckHugePages(host, findings);
  }
  CheckEqualMemory(input, findings);
}

void CheckSpace(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    for (const DirectoryFacts& directory : host.facts().directories()) {
      const bool is_memory = directory.path() == "/dev/shm";
      const std::string remedy =
          is_memory ? "mount -o remount,size=50% /dev/shm; for a container, --shm-size 8g"
                    : absl::StrCat("free some of ", directory.path(), ", or set TMPDIR to another");
      if (!directory.error().empty()) {
        findings.Add(host.name,
                     {kDoctorError, is_memory ? "shared-memory" : "temporary-files",
                      absl::StrCat(directory.path(), " can't be written: ", directory.error()),
                      absl::StrCat("mount it writable, with mode 1777")});
        continue;
      }
      const int64_t needed = 8 * kDoctorMiB * std::ssize(host.ranks);
      const bool is_full = directory.free_bytes() < needed;
      if (!is_full && directory.free_bytes() > 256 * kDoctorMiB) continue;
      findings.Add(
          host.name,
          {is_full ? kDoctorError : kDoctorWarning, is_memory ? "shared-memory" : "temporary-files",
           absl::StrCat(directory.path(), " has ", directory.free_bytes() / kDoctorMiB,
                        " MiB free of ", directory.total_bytes() / kDoctorMiB),
           remedy});
    }
  }
}

}  // namespace octet

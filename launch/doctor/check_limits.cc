#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "launch/doctor/checks.h"
#include "launch/doctor/process_limits.h"
#include "launch/setup/memory_plan.h"

namespace octet {
namespace {

// Returns whether a limit, where -1 is none, is below `least`.
bool IsBelow(int64_t limit, int64_t least) { return limit >= 0 && limit < least; }

// Returns how to raise a limit to `least`, in units of ulimit.
std::string RaiseLimit(const char* flag, const std::string& least, bool is_hard_enough,
                       const char* item) {
  if (is_hard_enough) {
    return absl::StrCat("ulimit -", flag, " ", least, " before the start, on each host");
  }
  return absl::StrCat("raise '", item, "' in /etc/security/limits.conf to ", least,
                      " (of a service: Limit", absl::AsciiStrToUpper(item),
                      "), and start again from a new login");
}

void CheckOpenFiles(const DoctorHost& host, const LimitFacts& limit, int64_t num_ranks,
                    FindingList& findings) {
  const int64_t needed = 128 + 2 * num_ranks;  // shards, libraries, connections both ways
  const int64_t good = std::max<int64_t>(1024, 2 * needed);
  if (!IsBelow(limit.soft(), good)) return;
  findings.Add(
      host.name,
      {limit.soft() < needed ? kDoctorError : kDoctorWarning, "open-files",
       absl::StrCat("at most ", limit.soft(), " open files are allowed, and a rank needs ", needed),
       RaiseLimit("n", absl::StrCat(good), !IsBelow(limit.hard(), good), "nofile")});
}

void CheckProcesses(const DoctorHost& host, const LimitFacts& limit, FindingList& findings) {
  int64_t threads = 0;
  for (const RankFacts* rank : host.ranks) threads += 8 + rank->allowed_cores_size();
  const int64_t good = std::max<int64_t>(1024, 2 * threads);
  if (!IsBelow(limit.soft(), good)) return;
  findings.Add(host.name,
               {limit.soft() < threads ? kDoctorError : kDoctorWarning, "processes",
                absl::StrCat("at most ", limit.soft(),
                             " processes and threads of this user are allowed, and the ranks start "
                             "up to ",
                             threads),
                RaiseLimit("u", absl::StrCat(good), !IsBelow(limit.hard(), good), "nproc")});
}

void CheckLockedMemory(const DoctorHost& host, const LimitFacts& limit, FindingList& findings) {
  constexpr int64_t kGood = int64_t{64} << 20;
  if (!IsBelow(limit.soft(), kGood)) return;
  const bool matters = host.facts().has_infiniband() || host.facts().devices_size() > 0;
  findings.Add(host.name,
               {matters ? kDoctorWarning : kDoctorNote, "locked-memory",
                absl::StrCat("at most ", limit.soft() / 1024, " KiB of memory may be locked",
                             matters ? "" : ", which matters for InfiniBand and GPUs alone"),
                RaiseLimit("l", "unlimited", limit.hard() < 0, "memlock")});
}

void CheckFileSize(const DoctorHost& host, const LimitFacts& limit, FindingList& findings) {
  if (limit.soft() < 0) return;
  const bool is_tiny = limit.soft() < (int64_t{1} << 30);
  findings.Add(host.name, {is_tiny ? kDoctorError : kDoctorWarning, "file-size",
                           absl::StrCat("files may have at most ", FormatGiB(limit.soft()),
                                        ": answers, journals and caches may be longer"),
                           RaiseLimit("f", "unlimited", limit.hard() < 0, "fsize")});
}

void CheckAddressSpace(const DoctorHost& host, const LimitFacts& limit, FindingList& findings) {
  const int64_t total = host.facts().memory().total_bytes();
  if (limit.soft() < 0) return;
  findings.Add(host.name,
               {limit.soft() < total / 2 ? kDoctorError : kDoctorWarning, "address-space",
                absl::StrCat("a process may map at most ", FormatGiB(limit.soft())),
                RaiseLimit("v", "unlimited", limit.hard() < 0, "as")});
}

void CheckCoreSize(const DoctorHost& host, const LimitFacts& limit, FindingList& findings) {
  if (limit.soft() != 0) return;
  findings.Add(host.name, {kDoctorNote, "core-size", "a crash leaves no core file",
                           RaiseLimit("c", "unlimited", limit.hard() < 0, "core")});
}

}  // namespace

void CheckLimits(const CheckInput& input, FindingList& findings) {
  for (const DoctorHost& host : input.hosts) {
    for (const LimitFacts& limit : host.facts().limits()) {
      const std::string& name = limit.name();
      if (name == kOpenFiles) CheckOpenFiles(host, limit, input.report.ranks_size(), findings);
      if (name == kProcesses) CheckProcesses(host, limit, findings);
      if (name == kLockedMemory) CheckLockedMemory(host, limit, findings);
      if (name == kFileSize) CheckFileSize(host, limit, findings);
      if (name == kAddressSpace) CheckAddressSpace(host, limit, findings);
      if (name == kCoreSize) CheckCoreSize(host, limit, findings);
    }
  }
}

}  // namespace octet

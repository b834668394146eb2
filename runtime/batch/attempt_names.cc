#include "runtime/batch/attempt_names.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <unistd.h>

#include "parallel/transport/host_name.h"

namespace octet {
namespace {

std::string AsText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

}  // namespace

std::string NowAsText() { return AsText(absl::Now()); }

std::string TimeAsText(int64_t since_1970) { return AsText(absl::FromUnixNanos(since_1970)); }

std::string NameOfThisProcess() {
  return absl::StrCat("process ", getpid(), " on ", HostName(), " since ", NowAsText());
}

}  // namespace octet

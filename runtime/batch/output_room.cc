#include "runtime/batch/output_room.h"

#include <absl/status/statusor.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace octet {
namespace {

// The bytes of the shortest result.
constexpr uint64_t kLeastResultBytes = 250;

bool IsCompressed(const std::string& output) {
  return absl::EndsWith(output, ".gz") || absl::EndsWith(output, ".zst");
}

}  // namespace

// At the end the results are there twice: in the order of their arrival, and in order.
absl::Status CheckOutputRoom(FileSystem& files, const std::string& output, int64_t missing_results,
                             uint64_t earlier_bytes) {
  const std::string directory = DirectoryOf(output);
  const absl::StatusOr<uint64_t> available = files.AvailableBytes(directory);
  if (!available.ok()) return available.status();
  const uint64_t coming = static_cast<uint64_t>(missing_results) * kLeastResultBytes;
  const uint64_t needed = coming + (IsCompressed(output) ? 0 : coming + earlier_bytes);
  if (needed <= *available) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "--output ", output, ": about ", missing_results, " results, in their journal and put in ",
      "order, take ", needed, " bytes at the very least, and ", directory, " has room for ",
      *available, "; choose another place"));
}

}  // namespace octet

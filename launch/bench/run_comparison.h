// A benchmark's run beside a saved one.

#ifndef OCTET_LAUNCH_BENCH_RUN_COMPARISON_H_
#define OCTET_LAUNCH_BENCH_RUN_COMPARISON_H_

#include <absl/status/statusor.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "launch/bench/run_values.h"
#include "runtime/io/file.h"

namespace octet {

// The file of --compare.
struct SavedRun {
  std::string path;
  RunValues values;

  // The names of values that another run must share so that both can be compared: the machine, and
  // the work.
  std::span<const std::string_view> conditions;

  using Read = absl::StatusOr<std::optional<SavedRun>>;

  // Read what a benchmark has saved, or nothing if the path is empty. Errors name the flag and the
  // file. kInvalidArgument: the file is none that the benchmark saves.
  static Read ReadThroughput(FileSystem& files, const std::string& path);
  static Read ReadKernels(FileSystem& files, const std::string& path);
  static Read ReadExchange(FileSystem& files, const std::string& path);
};

// Returns a text for the user: each value that differs, in this run and in the saved one, with
// this / saved; how many are the same; the names of those that only one of them has; and whether
// the runs can be compared at all, or else why not.
std::string CompareRuns(const RunValues& run, const SavedRun& saved);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_RUN_COMPARISON_H_

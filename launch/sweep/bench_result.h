// What a run of octet bench throughput has measured.

#ifndef OCTET_LAUNCH_SWEEP_BENCH_RESULT_H_
#define OCTET_LAUNCH_SWEEP_BENCH_RESULT_H_

#include <absl/status/status.h>

#include <string>

#include "proto/sweep.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a file of --output-json, and sets what it says in `run`. Errors name the file. Refuses
// wrong answers, and a file that lacks a value.
absl::Status ReadBenchResult(FileSystem& files, const std::string& path, SweepRun& run);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_BENCH_RESULT_H_

// Runs of a sweep of ranks and placements, for tests.

#ifndef OCTET_TESTS_LAUNCH_PAGES_SWEEP_RUNS_H_
#define OCTET_TESTS_LAUNCH_PAGES_SWEEP_RUNS_H_

#include <absl/strings/str_cat.h>

#include <string>

#include "proto/sweep.pb.h"

namespace octet {

inline constexpr uint64_t kRightHash = 7;

// A run of 100 prompt tokens and 50 others; `rate` is that of prefill, decode has half.
inline SweepRun MakeSweepRun(int ranks, const std::string& placement, int repetition, double rate) {
  SweepRun run;
  run.set_point(absl::StrCat("ranks=", ranks, " placement=", placement));
  const auto set = [&](const std::string& axis, const std::string& value) {
    SweepSetting& setting = *run.add_settings();
    setting.set_axis(axis);
    setting.set_value(value);
  };
  set("ranks", absl::StrCat(ranks));
  set("placement", placement);
  run.set_repetition(repetition);
  run.set_command(absl::StrCat("run.sh -n ", ranks, " bench throughput --placement ", placement));
  run.set_file("runs/1.json");
  run.set_answers_hash(kRightHash);
  run.set_cpu_model("a processor");
  run.set_ranks(ranks);
  run.set_threads(1);
  run.mutable_prefill()->set_tokens_per_s(rate);
  run.mutable_prefill()->set_seconds(100 / rate);
  run.mutable_decode()->set_tokens_per_s(rate / 2);
  run.mutable_decode()->set_seconds(50 / (rate / 2));
  for (const char* name : {"experts", "late ranks"}) {
    SweepTime& time = *run.mutable_prefill()->add_times();
    time.set_name(name);
    time.set_seconds(50 / rate);
  }
  return run;
}

}  // namespace octet

#endif  // OCTET_TESTS_LAUNCH_PAGES_SWEEP_RUNS_H_

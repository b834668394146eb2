// Small sweeps, and results as octet bench throughput writes them.

#ifndef OCTET_TESTS_SUPPORT_SWEEP_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_SWEEP_FIXTURE_H_

#include <absl/strings/str_cat.h>

#include <string>

#include "kernels/base/check.h"
#include "launch/files/proto_text.h"
#include "launch/sweep/sweep_plan.h"

namespace octet {

// 2 x 2 points, 2 repetitions; the load changes answers.
inline constexpr char kSmallSweep[] = R"(
  launcher: "start" bench: ["--model", "a model"] repetitions: 2 timeout: 60
  axes {
    name: "ranks"
    values { name: "1" launcher: ["-n", "1"] }
    values { name: "2" launcher: ["-n", "2"] }
  }
  axes {
    name: "load" changes_answers: true
    values { name: "router" }
    values { name: "zipf" bench: ["--routing", "zipf:1"] }
  }
)";

inline Sweep SmallSweep() {
  Sweep sweep;
  OCTET_CHECK(ParseTextProto(kSmallSweep, sweep).ok());
  return sweep;
}

// What a run with these answers writes.
inline std::string BenchResult(const std::string& answers_hash, double prefill_rate = 100) {
  const std::string phase =
      R"({"steps": 2, "seconds": 0.5, "rank_0_seconds": {"late ranks": 0.1}})";
  const std::string bytes = R"({"control": 9, "routing": 1, "dispatch": 20, "combine": 300})";
  return absl::StrCat(
      R"({"version": "0.1", "ranks": 2, "threads": 3, "machine": {"cpu_model": "A, \"B\"", )",
      R"("num_hosts": 1}, "right": true, "rank_balancedness": 0.5, "answers_hash": ")",
      answers_hash, R"(", "prefill_tokens_per_s": )", prefill_rate,
      R"(, "decode_tokens_per_s": 50, "prefill": )", phase, R"(, "decode": )", phase,
      R"(, "bytes_sent": )", bytes, R"(, "bytes_in_place": )", bytes,
      R"(, "memory_of_ranks": [{"host": "a"}, {"host": "a"}]})");
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SWEEP_FIXTURE_H_

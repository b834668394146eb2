// The report of octet bench throughput.

#ifndef OCTET_LAUNCH_BENCH_THROUGHPUT_REPORT_H_
#define OCTET_LAUNCH_BENCH_THROUGHPUT_REPORT_H_

#include <cstdint>
#include <string>

#include "launch/bench/step_bounds.h"
#include "proto/config.pb.h"
#include "proto/report.pb.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/engine/scheduler.h"

namespace octet {

// The work of the benchmark: answers to random prompts, all at once.
struct ThroughputOptions {
  int prefix_len = 0;    // tokens with which all prompts begin
  int input_len = 512;   // tokens of each prompt behind these
  int output_len = 128;  // tokens of each answer
  int num_prompts = 64;
  bool sample = false;  // tokens are drawn at temperature 1
  bool bounds = true;   // of the machine are measured
  std::string routing;  // --routing; if empty, the router chooses

  int64_t prompt_len() const { return int64_t{prefix_len} + input_len; }
};

struct ThroughputReport {
  ThroughputOptions options;
  RunConfig config;
  ModelConfig model;
  RunReport run;  // of all steps, with those of the warm-up
  StepMachine machine;
  std::string cpu_model;      // of all hosts: each once, with commas between
  int num_hosts = 1;          // different ones
  SchedulerLimits limits;     // of the steps
  StepSummary prefill;        // steps with prompt tokens
  StepSummary decode;         // the others
  bool right = false;         // the answers equal those of the warm-up, in which fewer ran together
  uint64_t answers_hash = 0;  // HashAnswers

  double seconds() const { return prefill.seconds + decode.seconds; }
};

// Returns a text for the user.
std::string FormatThroughput(const ThroughputReport& report);

// Returns the same and more as JSON, for programs.
std::string ThroughputJson(const ThroughputReport& report);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_THROUGHPUT_REPORT_H_

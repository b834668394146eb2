// A job of the smallest model, to be disturbed.

#ifndef OCTET_TESTS_SUPPORT_FAULT_JOB_H_
#define OCTET_TESTS_SUPPORT_FAULT_JOB_H_

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/job_runner.h"
#include "tests/support/memory_file_system.h"

namespace octet {

class FaultJob : public testing::Test {
 protected:
  static constexpr char kInput[] = "in.jsonl";
  static constexpr char kOutput[] = "out.jsonl";

  static void SetUpTestSuite() {
    runner_ = new JobRunner(OCTET_SOURCE_DIR "/tests/golden/hf/basic");
    MemoryFileSystem memory;
    memory.files = Files();
    const JobResult result = runner_->Run(memory, {kInput}, kOutput, Options());
    ASSERT_TRUE(result.status.ok()) << result.status;
    expected_ = new std::string(memory.files[kOutput]);
  }
  static void TearDownTestSuite() {
    delete runner_;
    delete expected_;
  }

  // Sampled and greedy requests of different lengths, some refused.
  static std::map<std::string, std::string> Files() {
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      const std::string prompt = i % 9 == 4 ? "[]" : absl::StrCat("[", i + 1, ", 17, 300]");
      absl::StrAppend(&lines, R"({"custom_id": "r)", i % 13 == 12 ? i - 1 : i,
                      R"(", "url": "/v1/completions", "body": {"prompt": )", prompt,
                      R"(, "ignore_eos": true, "max_tokens": )", 1 + i * 7 % 19, R"(, "n": )",
                      1 + i % 3, "}}\n");
    }
    return {{kInput, lines}};
  }

  // Few requests at a time, and small groups: many states to be disturbed.
  static JobOptions Options(StartMode mode = StartMode::kNew) {
    return {.max_num_seqs = 4,
            .journal = {.mode = mode, .commit = {.most_results = 3, .in_background = false}}};
  }

  // How a job is gone on with in the i-th of many tries: each time on other ranks.
  static JobOptions ResumeOptions(int64_t i) {
    constexpr const char* kPlacements[] = {"contiguous", "round-robin", "random:5"};
    JobOptions options = Options(StartMode::kResume);
    options.ranks = static_cast<int>(1 + i % 3);
    options.placement = kPlacements[i / 3 % 3];
    options.max_num_seqs = 1 + i * 5 % 11;
    options.max_num_batched_tokens = 7 + i * 3 % 60;
    options.prefix_cache = i % 2 == 0;
    return options;
  }

  static JobRunner* runner_;
  static std::string* expected_;  // the undisturbed output
};

inline JobRunner* FaultJob::runner_ = nullptr;
inline std::string* FaultJob::expected_ = nullptr;

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_FAULT_JOB_H_

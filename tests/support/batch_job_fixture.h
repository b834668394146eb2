// Whole jobs on the demo model, in this process.

#ifndef OCTET_TESTS_SUPPORT_BATCH_JOB_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_BATCH_JOB_FIXTURE_H_

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "runtime/io/compressed_stream.h"
#include "tests/support/demo_model.h"
#include "tests/support/job_runner.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"

namespace octet::batch_jobs {

inline constexpr char kInput[] = "in.jsonl";
inline constexpr char kOutput[] = "out.jsonl";

inline std::string RequestLine(const std::string& custom_id, const std::string& body) {
  return absl::StrCat(R"({"custom_id": ")", custom_id,
                      R"(", "method": "POST", "url": "/v1/completions", "body": )", body, "}\n");
}

// A greedy answer of so many tokens.
inline std::string Greedy(const std::string& custom_id, int max_tokens = 3,
                          const std::string& prompt = "\"In the beginning\"") {
  return RequestLine(custom_id,
                     absl::StrCat(R"({"prompt": )", prompt, R"(, "max_tokens": )", max_tokens,
                                  R"(, "temperature": 0, "ignore_eos": true})"));
}

class BatchJobTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { runner_ = new JobRunner(kDemoModel); }
  static void TearDownTestSuite() { delete runner_; }

  static JobResult Run(FileSystem& files, const std::vector<std::string>& inputs,
                       const std::string& output, const JobOptions& options = {}) {
    return runner_->Run(files, inputs, output, options);
  }

  // The result lines of this input.
  std::vector<nlohmann::json> Results(const std::string& input, const JobOptions& options = {}) {
    memory_.files = {{kInput, input}};
    const JobResult result = Run(memory_, {kInput}, kOutput, options);
    EXPECT_TRUE(result.status.ok()) << result.status;
    return ParseLines(memory_.files[kOutput]);
  }

  std::string Decompress(const std::string& path) {
    auto input = Decompressed(memory_.OpenInput(path).value());
    std::string text(1 << 20, '\0');
    text.resize(input->Read(std::as_writable_bytes(std::span(text))).value());
    return text;
  }

  static JobRunner* runner_;
  MemoryFileSystem memory_;
};

inline JobRunner* BatchJobTest::runner_ = nullptr;

}  // namespace octet::batch_jobs

#endif  // OCTET_TESTS_SUPPORT_BATCH_JOB_FIXTURE_H_

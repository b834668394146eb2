// Runs octet run-batch on the demo model, as a user does.

#ifndef OCTET_TESTS_SUPPORT_RUN_BATCH_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_RUN_BATCH_FIXTURE_H_

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet::batch_runs {

inline constexpr char kRequest[] =
    R"({"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": )"
    R"({"prompt": "In the beginning", "max_tokens": 5, "temperature": 0}})"
    "\n";

// The same request with another custom_id.
inline std::string Renamed(const std::string& custom_id) {
  return absl::StrReplaceAll(kRequest, {{"\"a\"", "\"" + custom_id + "\""}});
}

// A request that no answer can be given to.
inline std::string Refused(const std::string& custom_id) {
  return absl::StrReplaceAll(Renamed(custom_id), {{"\"temperature\": 0", "\"temperature\": 9"}});
}

class RunBatchTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();
  const std::string input_ = directory_ + "/in.jsonl";
  const std::string output_ = directory_ + "/out.jsonl";

  std::string Files() const { return "-i " + input_ + " -o " + output_ + " "; }

  // Refused before anything is written, on every rank, within the test's time limit.
  void ExpectRefused(int ranks, const std::string& flags, const std::string& message) {
    WriteFile(input_, kRequest);
    const ProcessResult result = RunOctet(ranks, "run-batch " + flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, testing::HasSubstr(message)) << flags;
    EXPECT_FALSE(std::filesystem::exists(output_)) << flags;
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal")) << flags;
  }
};

}  // namespace octet::batch_runs

#endif  // OCTET_TESTS_SUPPORT_RUN_BATCH_FIXTURE_H_

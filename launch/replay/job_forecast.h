// How long a batch will take, before it starts.

#ifndef OCTET_LAUNCH_REPLAY_JOB_FORECAST_H_
#define OCTET_LAUNCH_REPLAY_JOB_FORECAST_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "launch/setup/job_setup.h"
#include "proto/config.pb.h"
#include "runtime/io/file.h"

namespace octet {

// The lengths of a job's answers. Of many it keeps a sample, spread evenly over the input.
class AnswerLengths {
 public:
  struct Lengths {
    int64_t prompt = 0;  // tokens
    int64_t answer = 0;  // tokens, at most
    int64_t total() const { return prompt + answer; }
  };

  // The most tokens of answers that are kept: the experts of each are drawn.
  static constexpr int64_t kMostTokens = int64_t{1} << 20;

  explicit AnswerLengths(size_t most) : most_(most) {}

  void Add(Lengths lengths);

  const std::vector<Lengths>& kept() const { return kept_; }

  // Returns how many times as many tokens all answers have as those that are kept.
  double scale() const;

 private:
  void Halve();

  const size_t most_;
  int64_t stride_ = 1;
  int64_t count_ = 0;
  int64_t tokens_ = 0;       // of all
  int64_t kept_tokens_ = 0;  // of those that are kept
  std::vector<Lengths> kept_;
};

struct JobForecast {
  double steps = 0;
  double seconds = 0;  // without loading
  std::vector<std::string> notes;
};

// Returns the number of answers that a forecast looks at.
size_t NumForecastAnswers(const JobSetup& setup);

// Predicts the steps of a job on the ranks of `setup` as `octet replay` does, from the machine
// profile config.profile. It assumes that all answers are as long as they may be, that tokens
// choose experts evenly, and that no prompts begin alike. An error says what the profile lacks.
absl::StatusOr<JobForecast> ForecastJob(FileSystem& files, const RunConfig& config,
                                        const JobSetup& setup, const AnswerLengths& lengths);

// Returns lines for the user, without a newline at the end.
std::string DescribeForecast(const JobForecast& forecast, const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_JOB_FORECAST_H_

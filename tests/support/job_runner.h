// Whole batch jobs in this process.

#ifndef OCTET_TESTS_SUPPORT_JOB_RUNNER_H_
#define OCTET_TESTS_SUPPORT_JOB_RUNNER_H_

#include <absl/status/status.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/batch_job.h"
#include "runtime/batch/journal.h"
#include "runtime/checkpoint/model_files.h"

namespace octet {

struct JobOptions {
  int ranks = 1;
  int64_t max_num_seqs = 64;
  int64_t max_num_batched_tokens = 512;
  bool prefix_cache = false;
  std::string placement = "contiguous";
  bool lenient = false;
  JournalOptions journal = {.commit = {.in_background = false}};

  // Called on rank 0 before each step. False: the job is abandoned as it is.
  std::function<bool(int64_t step)> goes_on = [](int64_t) { return true; };
};

struct JobResult {
  absl::Status status;
  BatchCounts counts;
  RefusalSummary refusals;
  std::vector<std::string> notes;
  int64_t steps = 0;  // also those without work
  bool abandoned = false;
  bool was_finished = false;  // before it began
  int64_t num_earlier = 0;    // results
};

// Runs jobs on one model, which is loaded once for each way of dividing it.
class JobRunner {
 public:
  static constexpr int64_t kMaxModelLen = 256;

  explicit JobRunner(const std::string& model_directory);

  const ModelFiles& model() const { return model_; }

  // Input files and output lie in `files`.
  JobResult Run(FileSystem& files, const std::vector<std::string>& inputs,
                const std::string& output, const JobOptions& options = {});

 private:
  // What one rank of a world of some size computes with.
  struct RankWeights {
    std::unique_ptr<Backend> backend;
    ModelWeights weights;
  };

  std::vector<RankWeights>& Load(const ExpertPlacement& placement);

  PosixFileSystem posix_;
  ModelFiles model_;
  std::map<std::string, std::vector<RankWeights>> loaded_;  // by placement
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_JOB_RUNNER_H_

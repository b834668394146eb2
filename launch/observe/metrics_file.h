// The numbers of a running job, in a file for Prometheus.

#ifndef OCTET_LAUNCH_OBSERVE_METRICS_FILE_H_
#define OCTET_LAUNCH_OBSERVE_METRICS_FILE_H_

#include <absl/status/status.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "launch/setup/job_setup.h"
#include "launch/setup/session.h"
#include "parallel/transport/communicator.h"
#include "runtime/batch/batch_job.h"
#include "runtime/io/file.h"

namespace octet {

// The numbers at one moment, on rank 0.
struct JobMetrics {
  BatchCounts counts;
  EngineStats engine;
  SchedulerStats scheduler;
  int64_t waiting_sequences = 0;
  double updated = 0;  // seconds since 1970
  bool finished = false;

  // What stays as it is.
  std::string version, model, numerics_class;
  int ranks = 0;

  // The seconds of rank 0 in each phase, and the bytes that it sent, by kind.
  std::vector<std::pair<std::string, double>> phase_seconds;
  std::vector<std::pair<std::string, int64_t>> sent_bytes;
};

std::string FormatMetrics(const JobMetrics& metrics);

// Writes the file now and then, on rank 0. Readers never see a part of it: it is replaced at once.
class MetricsFile {
 public:
  static constexpr double kIntervalSeconds = 5;

  // All but `path` must outlive this object. clock: seconds.
  MetricsFile(FileSystem& files, std::string path, std::function<JobMetrics()> collect,
              std::function<double()> clock)
      : files_(files),
        path_(std::move(path)),
        collect_(std::move(collect)),
        clock_(std::move(clock)) {}

  // Writes the file if it is time for it. Call it between steps. Returns notes for the user: of the
  // first time that it can't be written.
  std::vector<std::string> Update();

  // Writes it a last time.
  std::vector<std::string> Finish(bool is_complete) { return Write(is_complete); }

 private:
  std::vector<std::string> Write(bool is_complete);

  FileSystem& files_;
  const std::string path_;
  const std::function<JobMetrics()> collect_;
  const std::function<double()> clock_;
  double next_ = 0;
  bool has_failed_ = false;
};

// Collects them from a job. All must outlive the result's use.
JobMetrics CollectMetrics(const Communicator& world, const JobSetup& setup, Session& session,
                          const BatchJob& job, const std::string& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_OBSERVE_METRICS_FILE_H_

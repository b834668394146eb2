#include "launch/batch/jobs.h"

#include <absl/status/status.h>

#include <iostream>

#include "launch/batch/job_status.h"
#include "launch/console/console.h"
#include "launch/files/proto_json.h"

namespace octet {
namespace {

class JobsCommand : public Subcommand {
 public:
  explicit JobsCommand(CommandLine& program)
      : Subcommand(program, "jobs", "how far jobs are, by their journals") {
    line().OnTexts(
        "outputs", [this](const auto& outputs) { outputs_ = outputs; },
        "the --output of a run-batch; several are allowed");
    line().OnTexts(
        "-i,--input", [this](const auto& inputs) { inputs_ = inputs; },
        "input of the job, if it has moved; may be repeated");
    line().OnSwitch(
        "--json", [this] { is_json_ = true; }, "one JSON object a line: proto/job_status.proto");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    if (outputs_.empty()) {
      return ExitWith(world, absl::InvalidArgumentError("octet jobs: an output is required"),
                      ExitCode::kCannotServe);
    }
    ExitCode code = ExitCode::kDone;
    for (const std::string& output : outputs_) {
      const absl::StatusOr<JobStatus> job = StatusOfJob(files, output, inputs_);
      if (!job.ok()) {
        code = ExitWith(world, job.status(), ExitCode::kCannotServe);
        continue;
      }
      std::cout << (is_json_ ? JsonOf(*job, JsonWriter::Layout::kOneLine) : FormatJobStatus(*job))
                << std::flush;
    }
    return code;
  }

 private:
  std::vector<std::string> outputs_, inputs_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> AddJobs(CommandLine& program) {
  return std::make_unique<JobsCommand>(program);
}

}  // namespace octet

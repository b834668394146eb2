#include "launch/trace/trace.h"

#include <absl/status/status.h>

#include <iostream>

#include "launch/console/console.h"
#include "launch/files/proto_json.h"
#include "launch/files/result_file.h"
#include "launch/process/own_command.h"
#include "launch/trace/trace_export.h"
#include "launch/trace/trace_report.h"
#include "launch/version.h"
#include "runtime/trace/routing_stats.h"

namespace octet {
namespace {

constexpr char kFileHelp[] = "file that --trace wrote";

class TraceStatsCommand : public Subcommand {
 public:
  explicit TraceStatsCommand(CommandLine& trace)
      : Subcommand(trace, "stats",
                   "load, pairs of experts, destinations and bytes, beside chance") {
    line().AddRequiredText("path", path_, kFileHelp);
    line().AddText("--output-json", output_json_, "file for all of it as JSON");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    absl::Status status;
    if (!output_json_.empty()) status = CheckResultFile(files, "--output-json", output_json_);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    absl::StatusOr<RoutingStats> stats = ComputeRoutingStats(files, path_);
    if (!stats.ok()) return ExitWith(world, stats.status(), ExitCode::kCannotServe);
    stats->set_command(OwnCommand());
    stats->set_version(OctetVersion());
    std::cout << FormatRoutingStats(path_, *stats) << std::flush;
    if (!output_json_.empty()) status = WriteResultFile(files, output_json_, JsonOf(*stats));
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

 private:
  std::string path_;
  std::string output_json_;
};

class TraceExportCommand : public Subcommand {
 public:
  explicit TraceExportCommand(CommandLine& trace)
      : Subcommand(trace, "export", "the experts of each token, answer by answer") {
    line().AddRequiredText("path", options_.path, kFileHelp);
    line().AddText("--csv", options_.csv,
                   "file for a line of each token and layer, also .gz, .zst");
    line().AddText("--npy", options_.npy,
                   "file NAME.npy for experts as int16 [tokens, layers, top_k]; gate weights as "
                   "float16 in NAME_weights.npy, the rows of each answer in NAME_answers.csv");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    const absl::Status status = CheckTraceExport(files, options_);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    const absl::StatusOr<TokenTable> table = ReadTokenTable(files, options_.path);
    if (!table.ok()) return ExitWith(world, table.status(), ExitCode::kCannotServe);
    const absl::Status written = ExportTrace(files, options_, *table);
    return written.ok() ? ExitCode::kDone : ExitWith(world, written, ExitCode::kFailed);
  }

 private:
  TraceExportOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> AddTraceStats(CommandLine& trace) {
  return std::make_unique<TraceStatsCommand>(trace);
}

std::unique_ptr<Subcommand> AddTraceExport(CommandLine& trace) {
  return std::make_unique<TraceExportCommand>(trace);
}

}  // namespace octet

#include "launch/pages/report_command.h"

#include <absl/strings/str_cat.h>

#include <iostream>

#include "launch/console/console.h"
#include "launch/files/result_file.h"
#include "launch/pages/gnuplot.h"
#include "launch/pages/page_name.h"
#include "launch/pages/report_page.h"

namespace octet {
namespace {

class ReportCommand : public Subcommand {
 public:
  explicit ReportCommand(CommandLine& program)
      : Subcommand(program, "report", "a page of HTML with pictures, from directories of results") {
    line().OnTexts(
        "directories", [this](const auto& directories) { directories_ = directories; },
        "with summary.json, stats.json, plan*.json, points.jsonl, replay*.json, replays/*.json");
    line().AddText("--output", output_, "file for the page; default report.html in the first one");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    absl::Status status = Check(files);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    const absl::StatusOr<PageInputs> inputs = ReadPageInputs(files, directories_, output_);
    if (!inputs.ok()) return ExitWith(world, inputs.status(), ExitCode::kCannotServe);
    status = CheckIsNoInput(files, *inputs);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    const ReportPage page = MakeReportPage(*inputs, directories_, DrawByGnuplot);
    status = page.drawing;
    if (status.ok()) status = WriteResultFile(files, output_, page.html);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kFailed);
    std::cout << output_ << "\n" << std::flush;
    return ExitCode::kDone;
  }

 private:
  absl::Status Check(FileSystem& files) {
    if (directories_.empty()) {
      return absl::InvalidArgumentError("octet report: a directory with results is required");
    }
    for (const std::string& directory : directories_) {
      if (files.IsDirectory(directory)) continue;
      return absl::NotFoundError(absl::StrCat(directory, ": is no directory"));
    }
    if (output_.empty()) output_ = JoinPath(directories_.front(), kPageName);
    const absl::Status status = CheckResultFile(files, "--output", output_);
    return status.ok() ? CheckGnuplot() : status;
  }

  absl::Status CheckIsNoInput(FileSystem& files, const PageInputs& inputs) const {
    for (const UsedFile& file : inputs.used) {
      if (!files.IsSame(file.path, output_)) continue;
      return absl::InvalidArgumentError(absl::StrCat("--output would overwrite ", file.path));
    }
    return absl::OkStatus();
  }

  std::vector<std::string> directories_;
  std::string output_;
};

}  // namespace

std::unique_ptr<Subcommand> AddReportCommand(CommandLine& program) {
  return std::make_unique<ReportCommand>(program);
}

}  // namespace octet

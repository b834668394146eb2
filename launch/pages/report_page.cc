#include "launch/pages/report_page.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <exception>

#include "launch/files/result_file.h"
#include "launch/pages/choice_section.h"
#include "launch/pages/gnuplot.h"
#include "launch/pages/page_answer.h"
#include "launch/pages/page_name.h"
#include "launch/pages/plan_section.h"
#include "launch/pages/replay_section.h"
#include "launch/pages/run_section.h"
#include "launch/pages/stats_section.h"
#include "launch/pages/sweep_section.h"
#include "launch/version.h"

namespace octet {
namespace {

constexpr size_t kMostUnused = 100;

void AddSources(HtmlPage& page, const PageInputs& inputs,
                const std::vector<std::string>& directories) {
  page.Section("Files", "");
  HtmlTable used = {.caption = "What this page is made from",
                    .head = {"file", "bytes", "the command of it, or of such a file"},
                    .rows = {}};
  for (const UsedFile& file : inputs.used) {
    used.rows.push_back({file.path, absl::StrCat(file.bytes), file.command});
  }
  page.Table(used);
  if (!inputs.unused.empty()) {
    const size_t shown = std::min(inputs.unused.size(), kMostUnused);
    const std::vector<std::string> some(inputs.unused.begin(),
                                        inputs.unused.begin() + static_cast<std::ptrdiff_t>(shown));
    page.Paragraph(absl::StrCat("Not used: ", absl::StrJoin(some, ", "),
                                shown < inputs.unused.size()
                                    ? absl::StrCat(" and ", inputs.unused.size() - shown, " more")
                                    : "",
                                "."));
  }
  page.Paragraph(absl::StrCat("Made by: octet report ", absl::StrJoin(directories, " "), " (octet ",
                              OctetVersion(), "). The same files give the same page."));
}

absl::Status TryToWritePage(FileSystem& files, const std::string& directory) {
  const std::string path = JoinPath(directory, kPageName);
  const absl::StatusOr<PageInputs> inputs = ReadPageInputs(files, {directory}, path);
  if (!inputs.ok()) return inputs.status();
  const ReportPage page = MakeReportPage(*inputs, {directory}, DrawByGnuplot);
  const absl::Status status = WriteResultFile(files, path, page.html);
  return status.ok() ? page.drawing : status;
}

}  // namespace

ReportPage MakeReportPage(const PageInputs& inputs, const std::vector<std::string>& directories,
                          HtmlPage::Drawing draw) {
  HtmlPage page(absl::StrCat("Octet: report of ", absl::StrJoin(directories, ", ")),
                std::move(draw));
  std::vector<SweepTable> sweeps;
  for (const SweepFiles& sweep : inputs.sweeps) sweeps.push_back(TabulateSweep(sweep));

  const PageAnswer answer = AnswerOfPage(inputs, sweeps);
  for (const std::string& alarm : answer.alarms) page.Alarm(alarm);
  page.Answer(answer.answer);
  for (const std::string& sentence : answer.others) page.Lead(sentence);

  for (size_t i = 0; i < sweeps.size(); ++i) {
    AddSweepSection(page, inputs.sweeps[i], sweeps[i]);
    AddPredictionSection(page, inputs.replays, inputs.sweeps[i], sweeps[i]);
  }
  AddReplaySection(page, inputs.replays);
  for (const auto& comparison : inputs.comparisons) AddChoiceSection(page, comparison);
  for (const FromFile<PlacementPlan>& plan : inputs.plans) AddPlanSection(page, plan);
  AddReplicaSection(page, inputs.plans);
  for (const FromFile<RunReport>& run : inputs.runs) AddRunSection(page, run);
  for (const FromFile<RoutingStats>& stats : inputs.stats) {
    AddStatsSection(page, stats, inputs.runs);
  }
  AddSources(page, inputs, directories);
  return {page.Finish(), page.drawing_status()};
}

std::string WriteReportPage(FileSystem& files, const std::string& directory) {
  absl::Status status;
  try {
    status = TryToWritePage(files, directory);
  } catch (
      const std::exception& exception) {  // the job is done, and a page is no reason to fail it
    status = absl::InternalError(exception.what());
  }
  if (status.ok()) return "";
  return absl::StrCat(JoinPath(directory, kPageName), ": ", std::string(status.message()));
}

}  // namespace octet

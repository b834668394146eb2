#include "launch/batch/refused_lines.h"

#include <absl/strings/str_cat.h>

namespace octet {
namespace {

constexpr size_t kReportedReasons = 20;

}  // namespace

std::string DescribeRefused(const BatchCounts& counts, const RefusalSummary& refusals) {
  if (counts.answered + counts.refused == 0) return "note: the input has no requests";
  std::string refused = refusals.Describe();
  if (refused.empty() || counts.answered > 0) return refused;
  return "note: no line was answered; " + refused;
}

void AddRefusals(const RefusalSummary& refusals, RunReport& report) {
  for (const RefusalReason& reason : refusals.TopReasons(kReportedReasons)) {
    Refusal& refusal = *report.add_refusals();
    refusal.set_code(reason.example.code);
    refusal.set_message(ShownMessage(reason.example));
    refusal.set_lines(reason.lines);
    refusal.set_first_line(reason.first_line);
  }
}

std::string WhyFailsOnRefused(const RunConfig& config, int64_t refused) {
  if (config.fail_on_refused() == 0 || refused < config.fail_on_refused()) return "";
  return absl::StrCat("ends with exit code 1, as ", refused, refused == 1 ? " line" : " lines",
                      " of ", config.fail_on_refused(),
                      " or more were refused (--fail-on-refused)");
}

}  // namespace octet

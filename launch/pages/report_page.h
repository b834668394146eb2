// The page of a report: its parts, and the sentence on top.

#ifndef OCTET_LAUNCH_PAGES_REPORT_PAGE_H_
#define OCTET_LAUNCH_PAGES_REPORT_PAGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/page_inputs.h"

namespace octet {

struct ReportPage {
  std::string html;
  absl::Status drawing;  // why pictures are missing
};

// Makes the page of what was read from the directories. The same inputs give the same bytes.
ReportPage MakeReportPage(const PageInputs& inputs, const std::vector<std::string>& directories,
                          HtmlPage::Drawing draw);

// Makes DIRECTORY/report.html as octet report does. Returns a note for the user: what went wrong,
// or nothing. Pictures that can't be drawn are left out.
std::string WriteReportPage(FileSystem& files, const std::string& directory);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_REPORT_PAGE_H_

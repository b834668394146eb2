// The name of a page's file.

#ifndef OCTET_LAUNCH_PAGES_PAGE_NAME_H_
#define OCTET_LAUNCH_PAGES_PAGE_NAME_H_

namespace octet {

// In the directory of a report, where nothing else is said.
inline constexpr char kPageName[] = "report.html";

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PAGE_NAME_H_

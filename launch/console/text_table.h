// What the texts of reports are made of.

#ifndef OCTET_LAUNCH_CONSOLE_TEXT_TABLE_H_
#define OCTET_LAUNCH_CONSOLE_TEXT_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

// Formats a table whose columns are as wide as their longest text. All rows have as many columns.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// Returns "1 step", "2 steps".
std::string Counted(int64_t n, const std::string& noun);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_TEXT_TABLE_H_

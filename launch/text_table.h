#ifndef OCTET_LAUNCH_TEXT_TABLE_H_
#define OCTET_LAUNCH_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace octet {

// Formats a table whose columns are as wide as their longest text. All rows have as many columns.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace octet

#endif  // OCTET_LAUNCH_TEXT_TABLE_H_

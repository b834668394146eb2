// The load of experts and ranks, and bytes between ranks, as pictures.

#ifndef OCTET_LAUNCH_PAGES_LOAD_PICTURES_H_
#define OCTET_LAUNCH_PAGES_LOAD_PICTURES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "launch/pages/html_page.h"

namespace octet {

using TokenCounts = std::vector<std::vector<int64_t>>;  // [layers][experts or ranks]

// Adds a layer x owner heat map of shares, and the cumulative load. `owner`: "expert", "rank".
void AddLoadMap(HtmlPage& page, const TokenCounts& counts, const std::string& owner);
void AddLoadCurve(HtmlPage& page, const TokenCounts& counts);

// Returns max / mean of counts; 0 if all are 0.
double MaxOverMeanOf(std::span<const int64_t> counts);

// Returns points of the share of tokens (y) that a share of experts (x) got, the busiest first,
// both in percent.
std::vector<double> CumulativeShares(std::span<const int64_t> counts);

// Adds a heat map and a table of bytes [ranks, ranks], from the row to the column.
void AddRankBytes(HtmlPage& page, const std::string& what, std::span<const int64_t> bytes);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_LOAD_PICTURES_H_

// A matrix of numbers as a picture.

#ifndef OCTET_LAUNCH_PAGES_HEAT_MAP_H_
#define OCTET_LAUNCH_PAGES_HEAT_MAP_H_

#include <string>
#include <vector>

#include "launch/pages/picture.h"

namespace octet {

struct HeatMap {
  std::string x_label, y_label;             // columns and rows are numbers from 0
  std::string value_label;                  // with its unit
  int decimals = 1;                         // of the numbers in cells
  std::vector<std::vector<double>> values;  // [rows][columns], not negative
};

// The most cells that a picture has.
inline constexpr size_t kMostCells = 8192;

// Returns cells that are darker where the numbers are greater. Up to 16 columns have the numbers in
// them. There must be a cell, kMostCells at most, and all rows must be as long.
Picture DrawHeatMap(const HeatMap& map);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_HEAT_MAP_H_

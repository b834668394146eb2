// How rates grow with ranks.

#ifndef OCTET_LAUNCH_PAGES_SCALING_PICTURES_H_
#define OCTET_LAUNCH_PAGES_SCALING_PICTURES_H_

#include <string>
#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/sweep_table.h"

namespace octet {

// The name of the axis that scaling is shown of.
inline constexpr char kRanksAxis[] = "ranks";

enum class ScalingKind {
  kStrong,  // the same tokens on all ranks, within 10 %
  kWeak,    // tokens in proportion to the ranks, within 10 %
  kNeither,
};

struct ScalingStep {
  int ranks = 0;
  double rate = 0;        // median tokens/s of all steps
  RatioEstimate speedup;  // over the fewest ranks
  double efficiency = 0;  // speed-up / (ranks / the fewest)
};

// Points that differ in ranks alone, one of each number of ranks.
struct ScalingSeries {
  std::string settings;
  ScalingKind kind = ScalingKind::kNeither;
  std::vector<ScalingStep> steps;  // the fewest ranks first; two at least
};

std::vector<ScalingSeries> FindScaling(const SweepTable& table);

// Adds strong and weak scaling with the ideal line, if the sweep has an axis of ranks.
void AddScaling(HtmlPage& page, const SweepTable& table);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_SCALING_PICTURES_H_

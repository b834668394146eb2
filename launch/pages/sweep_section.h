// What a sweep measured: the section of a page.

#ifndef OCTET_LAUNCH_PAGES_SWEEP_SECTION_H_
#define OCTET_LAUNCH_PAGES_SWEEP_SECTION_H_

#include <string>
#include <vector>

#include "launch/pages/html_page.h"
#include "launch/pages/sweep_table.h"

namespace octet {

// A sentence about a sweep, and whether an interval leaves out 1.
struct SweepAnswer {
  std::string sentence;
  bool is_decided = false;
};

// Returns what points are to the baseline, which has the first value of each axis, by tokens/s of
// all steps: the one whose interval begins highest, if that is above 1, else the greatest ratio.
// Points of another workload are not compared.
SweepAnswer AnswerOfSweep(const SweepTable& table);

// Returns a sentence for each axis: what its values are to the first, all else equal, by tokens/s
// of all steps.
std::vector<std::string> EffectsOfSweep(const SweepTable& table);

// Returns a sentence for each workload in which answers differ.
std::vector<std::string> AlarmsOfSweep(const SweepTable& table);

void AddSweepSection(HtmlPage& page, const SweepFiles& files, const SweepTable& table);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_SWEEP_SECTION_H_

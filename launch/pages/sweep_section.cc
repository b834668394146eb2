#include "launch/pages/sweep_section.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <set>

#include "launch/console/text_table.h"
#include "launch/pages/comparison_pictures.h"
#include "launch/pages/page_numbers.h"
#include "launch/pages/scaling_pictures.h"
#include "launch/pages/time_bars.h"

namespace octet {
namespace {

std::string RangeText(const MeasuredPoint& point, const SweepRate& rate) {
  const std::vector<double> rates = RatesOf(point, rate);
  if (rates.empty()) return "-";
  const auto [least, most] = std::ranges::minmax(rates);
  return absl::StrCat(NumeralOf(Median(rates)), " [", NumeralOf(least), ", ", NumeralOf(most), "]");
}

// Returns the different values that runs have of something.
template <typename Value>
std::string AllOf(const SweepFiles& files, Value value) {
  std::set<std::string> values;
  for (const SweepRun& run : files.runs) {
    if (run.failure().empty()) values.insert(absl::StrCat(value(run)));
  }
  return absl::StrJoin(values, "; ");
}

// Returns " of 48", if it is known how many runs the sweep has.
std::string PlannedText(const SweepFiles& files) {
  if (!files.sweep || files.sweep->repetitions() < 1) return "";
  double runs = files.sweep->repetitions();
  for (const SweepAxis& axis : files.sweep->axes()) runs *= axis.values_size();
  return absl::StrFormat(" of %.0f", runs);
}

void AddSweepFacts(HtmlPage& page, const SweepFiles& files, const SweepTable& table) {
  HtmlTable facts = {.caption = "The sweep", .head = {"", ""}, .rows = {}};
  for (const AxisValues& axis : table.axes) {
    facts.rows.push_back({absl::StrCat("axis ", axis.name), absl::StrJoin(axis.values, ", ")});
  }
  const auto fact = [&](const std::string& name, auto value) {
    facts.rows.push_back({name, AllOf(files, value)});
  };
  facts.rows.push_back({"points", absl::StrCat(table.points.size())});
  facts.rows.push_back({"runs", absl::StrCat(files.runs.size(), PlannedText(files))});
  facts.rows.push_back({"failed runs", absl::StrCat(table.failed.size())});
  fact("processor", [](const SweepRun& run) { return run.cpu_model(); });
  fact("hosts", [](const SweepRun& run) { return run.hosts(); });
  fact("names of hosts", [](const SweepRun& run) { return run.host_names(); });
  fact("threads of each rank", [](const SweepRun& run) { return run.threads(); });
  fact("version", [](const SweepRun& run) { return run.version(); });
  page.Table(facts);
}

void AddFailedRuns(HtmlPage& page, const SweepTable& table) {
  if (table.failed.empty()) return;
  page.Heading("Failed runs");
  HtmlTable failed = {
      .caption = "These runs have no result. A repeated run counts with its result",
      .head = {"point", "repetition", "order", "exit code", "why", "log", "command"},
      .rows = {}};
  for (const SweepRun* run : table.failed) {
    failed.rows.push_back({run->point(), absl::StrCat(run->repetition()),
                           absl::StrCat(run->order()), absl::StrCat(run->exit_code()),
                           run->failure(), run->log(), run->command()});
  }
  page.Table(failed);
}

void AddVoidRuns(HtmlPage& page, const SweepTable& table) {
  HtmlTable voids = {.caption = "Runs whose answers differ from the most frequent ones",
                     .head = {"point", "repetition", "hash of the answers", "command"},
                     .rows = {}};
  for (const Workload& workload : table.workloads) {
    for (const SweepRun* run : workload.void_runs) {
      voids.rows.push_back({run->point(), absl::StrCat(run->repetition()),
                            absl::StrFormat("%016x", run->answers_hash()), run->command()});
    }
  }
  if (voids.rows.empty()) return;
  page.Heading("Void runs");
  page.Table(voids);
}

void AddPoints(HtmlPage& page, const SweepTable& table) {
  HtmlTable points = {
      .caption =
          "Points: medians over repetitions, with the least and the greatest. Balancedness: "
          "mean / max of the ranks' rows",
      .head = {"point", "runs", "prefill tokens/s", "decode tokens/s", "balancedness", "bytes sent",
               "read in place"},
      .rows = {}};
  HtmlTable commands = {
      .caption = "The first run of each point, with the command that makes it again",
      .head = {"point", "file", "command"},
      .rows = {},
      .is_folded = true};
  for (const MeasuredPoint& point : table.points) {
    if (point.runs.empty()) continue;
    const SweepRun& first = *point.runs.begin()->second;
    const std::string name = point.is_void ? absl::StrCat("VOID ", point.name) : point.name;
    points.rows.push_back({name, absl::StrCat(point.runs.size()), RangeText(point, kPrefillRate),
                           RangeText(point, kDecodeRate), NumeralOf(first.rank_balancedness()),
                           BytesText(first.bytes_sent()), BytesText(first.bytes_in_place())});
    commands.rows.push_back({name, first.file(), first.command()});
  }
  page.Heading("Points");
  page.Table(points);
  page.Table(commands);
}

// Returns the median times of a phase, of each point.
std::vector<PhaseTimes> MedianTimes(const SweepTable& table,
                                    const SweepPhase& (SweepRun::*phase)() const) {
  std::vector<PhaseTimes> all;
  for (const MeasuredPoint* point : table.Counting()) {
    PhaseTimes times = {.name = point->name, .seconds = {}};
    std::map<std::string, std::vector<double>> seconds;
    for (const auto& [repetition, run] : point->runs) {
      for (const SweepTime& t : (run->*phase)().times()) {
        if (seconds[t.name()].empty()) times.seconds.emplace_back(t.name(), 0);
        seconds[t.name()].push_back(t.seconds());
      }
    }
    for (auto& [name, median] : times.seconds) median = Median(seconds[name]);
    all.push_back(std::move(times));
  }
  return all;
}

std::string NamesOfPoints(const std::vector<const SweepRun*>& runs) {
  constexpr size_t kMostNamed = 5;
  std::set<std::string> names;
  for (const SweepRun* run : runs) names.insert(run->point());
  std::vector<std::string> some(names.begin(), names.end());
  const size_t more = some.size() - std::min(some.size(), kMostNamed);
  some.resize(some.size() - more);
  return absl::StrCat(absl::StrJoin(some, "; "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

// Returns whether two points differ only in axes that keep the answers.
bool AreOfOneWorkload(const SweepTable& table, const MeasuredPoint& a, const MeasuredPoint& b) {
  for (size_t x = 0; x < table.axes.size(); ++x) {
    if (table.axes[x].changes_answers && a.values[x] != b.values[x]) return false;
  }
  return true;
}

struct BesideBaseline {
  const MeasuredPoint* point;
  RatioEstimate ratio;
};

// Returns what the other points of the first one's workload are to it.
std::vector<BesideBaseline> CompareWithBaseline(const SweepTable& table,
                                                const std::vector<const MeasuredPoint*>& points) {
  std::vector<BesideBaseline> others;
  for (const MeasuredPoint* point : points) {
    if (point == points.front() || !AreOfOneWorkload(table, *points.front(), *point)) continue;
    const RatioEstimate ratio = ComparePoints(*points.front(), *point, kWholeRate);
    if (ratio.pairs > 0) others.push_back({point, ratio});
  }
  return others;
}

std::string DescribeBeside(const BesideBaseline& other, const MeasuredPoint& baseline) {
  const RatioEstimate& ratio = other.ratio;
  return absl::StrCat(
      other.point->name, ", with ", IntervalOf(ratio), " x the tokens/s of the baseline ",
      baseline.name,
      ratio.has_interval() ? absl::StrCat(" (95 % interval of ", ratio.pairs, " pairs)") : "", ".");
}

}  // namespace

SweepAnswer AnswerOfSweep(const SweepTable& table) {
  const std::vector<const MeasuredPoint*> points = table.Counting();
  if (points.empty()) return {"No point of the sweep has a result that counts.", false};
  const MeasuredPoint& baseline = *points.front();
  const std::vector<BesideBaseline> others = CompareWithBaseline(table, points);
  if (others.empty()) {
    return {absl::StrCat("The point ", baseline.name, " has a median of ",
                         RangeText(baseline, kWholeRate),
                         " tokens/s of all steps; no other is beside it."),
            false};
  }
  const std::string of =
      absl::StrCat(Counted(static_cast<int64_t>(others.size()), "point"), " beside the baseline");
  const auto least_of = [](const BesideBaseline& b) {
    return b.ratio.has_interval() ? b.ratio.low : 0;
  };
  const BesideBaseline& surest = *std::ranges::max_element(others, {}, least_of);
  if (least_of(surest) > 1) {
    return {
        absl::StrCat("Of ", of, " the most clearly faster is ", DescribeBeside(surest, baseline)),
        true};
  }
  const BesideBaseline& fastest =
      *std::ranges::max_element(others, {}, [](const BesideBaseline& b) { return b.ratio.ratio; });
  const std::string described = DescribeBeside(fastest, baseline);
  const bool all_differ =
      std::ranges::all_of(others, [](const BesideBaseline& b) { return b.ratio.Separates(); });
  if (all_differ)
    return {absl::StrCat("None of ", of, " is faster; the next is ", described), true};
  return {absl::StrCat("No difference seen: of ", of, " the fastest is ", described), false};
}

std::vector<std::string> EffectsOfSweep(const SweepTable& table) {
  std::vector<std::string> effects;
  for (size_t axis = 0; axis < table.axes.size(); ++axis) {
    std::vector<Comparison> comparisons = CompareValues(table, axis, kWholeRate);
    std::erase_if(comparisons, [](const Comparison& c) { return !c.with_first_value; });
    if (comparisons.empty()) continue;
    const auto count = [&](const std::string& verdict) {
      return std::ranges::count(comparisons, verdict,
                                [](const Comparison& c) { return VerdictOf(c.ratio); });
    };
    const auto [least, most] = std::ranges::minmax_element(
        comparisons, {}, [](const Comparison& c) { return c.ratio.ratio; });
    effects.push_back(absl::StrCat(
        table.axes[axis].name, " against ", table.axes[axis].values.front(), ", ",
        Counted(static_cast<int64_t>(comparisons.size()), "comparison"), ": ", count(kFaster),
        " faster, ", count(kSlower), " slower, ", count(kNoDifference), " without a difference, ",
        count(kOnePair), " of one pair only; from ", IntervalOf(least->ratio), " (", least->name,
        ") to ", IntervalOf(most->ratio), " (", most->name, ")."));
  }
  return effects;
}

std::vector<std::string> AlarmsOfSweep(const SweepTable& table) {
  std::vector<std::string> alarms;
  for (const Workload& workload : table.workloads) {
    if (workload.void_runs.empty()) continue;
    int runs = 0;
    for (const auto& [hash, count] : workload.hashes) runs += count;
    alarms.push_back(
        absl::StrCat(workload.void_runs.size(), " of ", Counted(runs, "run"),
                     workload.settings.empty() ? "" : absl::StrCat(" with ", workload.settings),
                     " gave other answers, where all must be the same. ",
                     workload.has_right_hash
                         ? absl::StrFormat("The most frequent hash, %016x, is taken as right. ",
                                           workload.right_hash)
                         : "No hash is the most frequent, so none is taken as right. ",
                     "These points are void, and left out of all comparisons: ",
                     NamesOfPoints(workload.void_runs), "."));
  }
  return alarms;
}

void AddSweepSection(HtmlPage& page, const SweepFiles& files, const SweepTable& table) {
  page.Section(
      absl::StrCat("Sweep ", files.sweep && !files.sweep->name().empty() ? files.sweep->name()
                                                                         : DirectoryOf(files.path)),
      files.path);
  page.Paragraph(absl::StrCat(
      AnswerOfSweep(table).sentence,
      " The interval is of one comparison: that the best of several was chosen is not in it."));
  AddSweepFacts(page, files, table);
  if (files.torn_line > 0) {
    page.Paragraph(
        absl::StrCat("The sweep was killed while it wrote line ", files.torn_line,
                     " of this file: that run is left out. octet sweep ... --resume goes "
                     "on with it."));
  }
  if (table.runs_without_hash > 0) {
    page.Paragraph(absl::StrCat("Whether answers are right is not known of ",
                                Counted(table.runs_without_hash, "run"), " without a hash."));
  }
  AddVoidRuns(page, table);
  AddFailedRuns(page, table);
  AddPoints(page, table);
  AddComparisons(page, table);
  AddScaling(page, table);
  page.Heading("Time by phase");
  AddTimeBars(page, "Time of rank 0 in steps that prefill, medians",
              MedianTimes(table, &SweepRun::prefill));
  AddTimeBars(page, "Time of rank 0 in all other steps, medians",
              MedianTimes(table, &SweepRun::decode));
}

}  // namespace octet

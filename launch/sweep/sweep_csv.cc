#include "launch/sweep/sweep_csv.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/io/json_writer.h"

namespace octet {
namespace {

using Cells = std::vector<std::string>;

std::string Cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string Line(const Cells& cells) {
  return absl::StrJoin(cells, ",",
                       [](std::string* line, const std::string& cell) {
                         absl::StrAppend(line, Cell(cell));
                       }) +
         "\n";
}

// Returns the fewest digits that give the number back.
std::string Digits(double value) { return JsonWriter().Double(value).Take(); }

struct SweepColumn {
  const char* name;
  bool measured;  // nothing in a run that failed
  std::string (*cell)(const SweepRun&);
};

constexpr std::array kColumns = {
    SweepColumn{"repetition", false,
                [](const SweepRun& r) { return absl::StrCat(r.repetition()); }},
    SweepColumn{"order", false, [](const SweepRun& r) { return absl::StrCat(r.order()); }},
    SweepColumn{"prefill_tokens_per_s", true,
                [](const SweepRun& r) { return Digits(r.prefill().tokens_per_s()); }},
    SweepColumn{"decode_tokens_per_s", true,
                [](const SweepRun& r) { return Digits(r.decode().tokens_per_s()); }},
    SweepColumn{"prefill_seconds", true,
                [](const SweepRun& r) { return Digits(r.prefill().seconds()); }},
    SweepColumn{"decode_seconds", true,
                [](const SweepRun& r) { return Digits(r.decode().seconds()); }},
    SweepColumn{"prefill_steps", true,
                [](const SweepRun& r) { return absl::StrCat(r.prefill().steps()); }},
    SweepColumn{"decode_steps", true,
                [](const SweepRun& r) { return absl::StrCat(r.decode().steps()); }},
    SweepColumn{"rank_balancedness", true,
                [](const SweepRun& r) { return Digits(r.rank_balancedness()); }},
    SweepColumn{"bytes_sent", true, [](const SweepRun& r) { return absl::StrCat(r.bytes_sent()); }},
    SweepColumn{"bytes_in_place", true,
                [](const SweepRun& r) { return absl::StrCat(r.bytes_in_place()); }},
    SweepColumn{"answers_hash", true,
                [](const SweepRun& r) { return absl::StrCat(r.answers_hash()); }},
    SweepColumn{"num_ranks", true, [](const SweepRun& r) { return absl::StrCat(r.ranks()); }},
    SweepColumn{"threads_per_rank", true,
                [](const SweepRun& r) { return absl::StrCat(r.threads()); }},
    SweepColumn{"num_hosts", true, [](const SweepRun& r) { return absl::StrCat(r.hosts()); }},
    SweepColumn{"host_names", true, [](const SweepRun& r) { return r.host_names(); }},
    SweepColumn{"cpu_model", true, [](const SweepRun& r) { return r.cpu_model(); }},
    SweepColumn{"version", true, [](const SweepRun& r) { return r.version(); }},
    SweepColumn{"started", false, [](const SweepRun& r) { return r.started(); }},
    SweepColumn{"wall_seconds", false, [](const SweepRun& r) { return Digits(r.wall_seconds()); }},
    SweepColumn{"exit_code", false, [](const SweepRun& r) { return absl::StrCat(r.exit_code()); }},
    SweepColumn{"failure", false, [](const SweepRun& r) { return r.failure(); }},
    SweepColumn{"file", false, [](const SweepRun& r) { return r.file(); }},
    SweepColumn{"log", false, [](const SweepRun& r) { return r.log(); }},
    SweepColumn{"command", false, [](const SweepRun& r) { return r.command(); }},
};
constexpr std::string_view kVoidColumn = "void";

// The phases, and what the columns of their times begin with.
struct TimedPhase {
  const char* prefix;
  const SweepPhase& (SweepRun::*phase)() const;
};
constexpr std::array kTimedPhases = {TimedPhase{"prefill: ", &SweepRun::prefill},
                                     TimedPhase{"decode: ", &SweepRun::decode}};

// Returns the names of all times, as the runs have them.
Cells NamesOfTimes(const std::map<int, SweepRun>& runs) {
  Cells names;
  for (const auto& [order, run] : runs) {
    for (const TimedPhase& timed : kTimedPhases) {
      for (const SweepTime& time : (run.*timed.phase)().times()) {
        if (std::ranges::find(names, time.name()) == names.end()) names.push_back(time.name());
      }
    }
  }
  return names;
}

Cells Header(const SweepPlan& plan, const Cells& times) {
  Cells cells;
  for (const SweepAxis& axis : plan.sweep.axes()) cells.push_back(axis.name());
  cells.emplace_back(kVoidColumn);
  for (const SweepColumn& column : kColumns) cells.emplace_back(column.name);
  for (const TimedPhase& timed : kTimedPhases) {
    for (const std::string& time : times) {
      cells.push_back(absl::StrCat(timed.prefix, time, " seconds"));
    }
  }
  return cells;
}

std::string SecondsOf(const SweepPhase& phase, const std::string& name) {
  for (const SweepTime& time : phase.times()) {
    if (time.name() == name) return Digits(time.seconds());
  }
  return "";
}

Cells CellsOf(const SweepRun& run, bool is_void, const Cells& times) {
  const bool failed = !run.failure().empty();
  Cells cells;
  for (const SweepSetting& setting : run.settings()) cells.push_back(setting.value());
  cells.emplace_back(is_void ? "1" : "0");
  for (const SweepColumn& column : kColumns) {
    cells.push_back(column.measured && failed ? "" : column.cell(run));
  }
  for (const TimedPhase& timed : kTimedPhases) {
    for (const std::string& time : times) cells.push_back(SecondsOf((run.*timed.phase)(), time));
  }
  return cells;
}

}  // namespace

std::string FormatSweepCsv(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                           const std::set<int>& void_orders) {
  const Cells times = NamesOfTimes(runs);
  std::string csv = Line(Header(plan, times));
  for (const auto& [order, run] : runs) {
    csv += Line(CellsOf(run, void_orders.contains(order), times));
  }
  return csv;
}

bool IsSweepColumn(std::string_view name) {
  return name == kVoidColumn || std::ranges::any_of(kColumns, [name](const SweepColumn& column) {
           return name == column.name;
         });
}

}  // namespace octet

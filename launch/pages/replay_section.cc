#include "launch/pages/replay_section.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <set>

#include "launch/console/text_table.h"
#include "launch/pages/line_chart.h"
#include "launch/pages/load_pictures.h"
#include "launch/pages/page_numbers.h"
#include "launch/pages/time_bars.h"

namespace octet {
namespace {

constexpr size_t kMostRankMaps = 4;  // of replays; more would bury the rest

std::string NameOfReplay(const FromFile<Replay>& replay) {
  return replay.message.point().empty() ? replay.path : replay.message.point();
}

void AddReplayTable(HtmlPage& page, const std::vector<FromFile<Replay>>& replays) {
  HtmlTable rates = {
      .caption = "Predictions",
      .head = {"replay", "ranks", "hosts", "threads", "prefill tokens/s", "decode tokens/s",
               "step p50, s", "step p95, s", "bytes", "trace", "placement", "cluster", "file"},
      .rows = {}};
  for (const FromFile<Replay>& replay : replays) {
    const Replay& r = replay.message;
    int64_t bytes = 0;
    for (const ReplayTraffic& traffic : r.traffic()) bytes += traffic.bytes();
    const ReplayPhase& steps = r.decode().steps() > 0 ? r.decode() : r.prefill();
    rates.rows.push_back({NameOfReplay(replay), absl::StrCat(r.ranks()), absl::StrCat(r.hosts()),
                          absl::StrCat(r.threads()), NumeralOf(r.prefill().tokens_per_s()),
                          NumeralOf(r.decode().tokens_per_s()), NumeralOf(steps.step_p50()),
                          NumeralOf(steps.step_p95()), BytesText(bytes), r.trace(), r.placement(),
                          r.cluster(), replay.path});
  }
  page.Table(rates);
}

// Returns what the predictions leave out, each note once.
std::set<std::string> NotesOf(const std::vector<FromFile<Replay>>& replays) {
  std::set<std::string> notes;
  for (const FromFile<Replay>& replay : replays) {
    notes.insert(replay.message.notes().begin(), replay.message.notes().end());
  }
  return notes;
}

PhaseTimes TimesOf(const std::string& name, const ReplayPhase& phase) {
  PhaseTimes times = {.name = name, .seconds = {}};
  for (const ReplayTime& t : phase.times()) times.seconds.emplace_back(t.name(), t.seconds());
  return times;
}

LineChart PredictionChart(const std::vector<Prediction>& predictions) {
  LineChart chart = {.x_label = "measured tokens/s, median",
                     .y_label = "predicted tokens/s",
                     .log_scales = true,
                     .square = true};
  double least = predictions.front().measured, most = least;
  for (const SweepRate* rate : {&kPrefillRate, &kDecodeRate}) {
    ChartSeries series = {.name = rate->name, .stroke = Stroke::kMarkers, .points = {}};
    for (const Prediction& p : predictions) {
      least = std::min({least, p.measured, p.predicted});
      most = std::max({most, p.measured, p.predicted});
      if (p.rate == rate) series.points.push_back({.x = p.measured, .y = p.predicted});
    }
    if (!series.points.empty()) chart.series.push_back(series);
  }
  chart.series.push_back(
      {"predicted = measured",
       Stroke::kDashedReference,
       {{.x = least / 1.1, .y = least / 1.1}, {.x = most * 1.1, .y = most * 1.1}}});
  return chart;
}

void AddPredictionTable(HtmlPage& page, const std::vector<Prediction>& predictions) {
  HtmlTable table = {.caption = "Predicted rates beside measured medians [least, greatest]",
                     .head = {"point", "rate", "predicted", "measured", "error"},
                     .rows = {}};
  for (const Prediction& p : predictions) {
    table.rows.push_back({p.point->name, p.rate->name, NumeralOf(p.predicted),
                          absl::StrCat(NumeralOf(p.measured), " [", NumeralOf(p.least), ", ",
                                       NumeralOf(p.most), "]"),
                          absl::StrCat(p.error() > 0 ? "+" : "", PercentOf(p.error()))});
  }
  page.Table(table);
}

}  // namespace

std::string AnswerOfPredictions(const std::vector<Prediction>& predictions) {
  if (predictions.empty()) return "";
  const std::vector<double> errors = ErrorsOf(predictions);
  const OrderCount order = CountOrder(predictions);
  return absl::StrCat(
      "Predicted rates are off by a median of ", PercentOf(Median(errors)), " (p95 ",
      PercentOf(Quantile(errors, 0.95)), ", most ", PercentOf(Quantile(errors, 1)), ") in ",
      Counted(static_cast<int64_t>(predictions.size()), "prediction"), "; ",
      order.pairs == 0
          ? "no two measured points differ by their intervals, so no order is tested"
          : absl::StrCat(order.right, " of ", Counted(order.pairs, "pair"),
                         " of points that differ by their intervals are in the right order"),
      ".");
}

void AddReplaySection(HtmlPage& page, const std::vector<FromFile<Replay>>& replays) {
  if (replays.empty()) return;
  page.Section("Replays", "");
  for (const FromFile<Replay>& replay : replays) {
    if (replays.size() > kMostRankMaps) break;
    page.Paragraph(replay.message.answer());
  }
  AddReplayTable(page, replays);
  for (const std::string& note : NotesOf(replays)) page.Paragraph(absl::StrCat("Note: ", note));
  std::vector<PhaseTimes> prefill, decode;
  for (const FromFile<Replay>& replay : replays) {
    prefill.push_back(TimesOf(NameOfReplay(replay), replay.message.prefill()));
    decode.push_back(TimesOf(NameOfReplay(replay), replay.message.decode()));
  }
  AddTimeBars(page, "Predicted time in steps that prefill, mean over ranks", prefill);
  AddTimeBars(page, "Predicted time in all other steps, mean over ranks", decode);
  if (replays.size() > kMostRankMaps) return;
  for (const FromFile<Replay>& replay : replays) {
    AddRankBytes(page, absl::StrCat("Predicted bytes between ranks, ", NameOfReplay(replay)),
                 {replay.message.sent_bytes().data(),
                  static_cast<size_t>(replay.message.sent_bytes_size())});
  }
}

void AddPredictionSection(HtmlPage& page, const std::vector<FromFile<Replay>>& replays,
                          const SweepFiles& files, const SweepTable& sweep) {
  const std::vector<Prediction> predictions = JoinPredictions(replays, sweep);
  if (predictions.empty()) return;
  page.Section("Predicted against measured",
               absl::StrCat("the replays, and ", files.path, ", by the names of points"));
  page.Paragraph(AnswerOfPredictions(predictions));
  page.Paragraph(AnswerOfExchange(predictions));
  page.Figure("Predicted against measured rates; the dashed line is where they are equal.",
              DrawLineChart(PredictionChart(predictions)));
  AddPredictionTable(page, predictions);
  std::vector<std::string> alone;
  for (const FromFile<Replay>& replay : replays) {
    const bool is_joined = std::ranges::any_of(
        predictions, [&](const Prediction& p) { return p.point->name == replay.message.point(); });
    if (!is_joined) alone.push_back(NameOfReplay(replay));
  }
  if (alone.empty()) return;
  page.Paragraph(absl::StrCat(
      "No point that counts has the name of these replays: ", absl::StrJoin(alone, "; "), "."));
}

}  // namespace octet

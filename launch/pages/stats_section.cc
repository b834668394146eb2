#include "launch/pages/stats_section.h"

#include <absl/strings/str_cat.h>

#include "launch/console/text_table.h"
#include "launch/pages/load_pictures.h"
#include "launch/pages/page_numbers.h"
#include "launch/pages/run_section.h"
#include "launch/pages/time_bars.h"

namespace octet {
namespace {

void AddNulls(HtmlPage& page, const RoutingStats& stats) {
  HtmlTable table = {
      .caption =
          "The busiest expert of a step over the mean (mean over steps), and the ranks and "
          "hosts on which a token has experts. Uniform draws experts at random; shuffled has "
          "the recorded tokens in random order",
      .head = {"layer", "max/mean", "uniform", "shuffled", "p99", "ranks", "uniform", "shuffled",
               "hosts", "uniform", "shuffled"},
      .rows = {}};
  const auto add = [&](const std::string& name, const LayerRouting& layer) {
    const MaxOverMean& m = layer.max_over_mean();
    const WithNulls& ranks = layer.ranks_of_token();
    const WithNulls& hosts = layer.hosts_of_token();
    table.rows.push_back({name, NumeralOf(m.recorded().mean()), NumeralOf(m.uniform().mean()),
                          NumeralOf(m.shuffled().mean()), NumeralOf(m.recorded().p99()),
                          NumeralOf(ranks.recorded()), NumeralOf(ranks.uniform()),
                          NumeralOf(ranks.shuffled()), NumeralOf(hosts.recorded()),
                          NumeralOf(hosts.uniform()), NumeralOf(hosts.shuffled())});
  };
  for (const LayerRouting& layer : stats.layers()) add(absl::StrCat(layer.layer()), layer);
  add("all", stats.whole());
  page.Table(table);
}

TokenCounts LoadOf(const RoutingStats& stats) {
  TokenCounts counts;
  for (const LayerRouting& layer : stats.layers()) {
    counts.emplace_back(layer.load().begin(), layer.load().end());
  }
  return counts;
}

void AddStatsLoad(HtmlPage& page, const RoutingStats& stats,
                  const std::vector<FromFile<RunReport>>& runs) {
  const TokenCounts load = LoadOf(stats);
  for (const FromFile<RunReport>& run : runs) {
    if (ExpertTokens(run.message) != load) continue;
    page.Paragraph(absl::StrCat("The load of experts is that of ", run.path, "."));
    return;
  }
  AddLoadMap(page, load, "expert");
  AddLoadCurve(page, load);
}

void AddStatsBytes(HtmlPage& page, const RankTraffic& traffic) {
  std::vector<int64_t> bytes(traffic.dispatch_bytes().begin(), traffic.dispatch_bytes().end());
  const auto ranks = static_cast<size_t>(std::lround(std::sqrt(static_cast<double>(bytes.size()))));
  for (size_t home = 0; home < ranks; ++home) {  // rows return to their home
    for (size_t rank = 0; rank < ranks; ++rank) {
      bytes[rank * ranks + home] += traffic.return_bytes(static_cast<int>(home * ranks + rank));
    }
  }
  AddRankBytes(page, "Bytes of rows between ranks, dispatch and return", bytes);
  const WithNulls& sum = traffic.bytes();
  page.Paragraph(
      absl::StrCat("All rows between ranks are ", BytesText(static_cast<int64_t>(sum.recorded())),
                   ", where uniform routing has ", BytesText(static_cast<int64_t>(sum.uniform())),
                   " and shuffled tokens ", BytesText(static_cast<int64_t>(sum.shuffled())), "; ",
                   BytesText(traffic.bytes_in_place()), " were read where they were written. ",
                   traffic.is_as_counted() ? "The communicators counted the same bytes."
                                           : "The communicators did NOT count the same bytes."));
}

}  // namespace

std::string AnswerOfStats(const RoutingStats& stats) {
  const MaxOverMean& m = stats.whole().max_over_mean();
  return absl::StrCat("In ", Counted(stats.steps(), "recorded step"), " the busiest expert has ",
                      NumeralOf(m.recorded().mean()),
                      " x the mean of a layer, where uniform routing "
                      "has ",
                      NumeralOf(m.uniform().mean()), " and shuffled tokens ",
                      NumeralOf(m.shuffled().mean()), ".");
}

void AddStatsSection(HtmlPage& page, const FromFile<RoutingStats>& stats,
                     const std::vector<FromFile<RunReport>>& runs) {
  const RoutingStats& s = stats.message;
  page.Section(absl::StrCat("Routing of ", DirectoryOf(stats.path)), stats.path);
  page.Paragraph(AnswerOfStats(s));
  page.Paragraph(absl::StrCat(Counted(s.tokens(), "token"), ", ", Counted(s.steps(), "step"), ", ",
                              Counted(s.attempts(), "attempt"), ", ",
                              Counted(s.layers_size(), "layer"), " of ", s.num_experts(),
                              " experts, top ", s.top_k(), ", ", Counted(s.ranks(), "rank"), " on ",
                              Counted(s.hosts(), "host"), "."));
  AddNulls(page, s);
  AddStatsLoad(page, s, runs);
  if (!s.traffic().dispatch_bytes().empty()) AddStatsBytes(page, s.traffic());
  PhaseTimes mean = {.name = "mean of ranks", .seconds = {}};
  for (const TimeOfRanks& t : s.times()) mean.seconds.emplace_back(t.name(), t.mean_seconds());
  AddTimeBars(page, "Time by phase, mean over ranks", {mean});
}

}  // namespace octet

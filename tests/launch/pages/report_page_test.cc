#include "launch/pages/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "launch/pages/load_pictures.h"
#include "launch/pages/plan_section.h"
#include "launch/pages/predictions.h"
#include "tests/launch/pages/sweep_runs.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

absl::StatusOr<std::string> DrawName(const std::string& name, const Picture&) {
  return absl::StrCat("<svg id='", name, "'/>");
}

std::string PageOf(const PageInputs& inputs) {
  const ReportPage page = MakeReportPage(inputs, {"d"}, DrawName);
  EXPECT_TRUE(page.drawing.ok()) << page.drawing;
  return page.html;
}

std::string AnswerIn(const std::string& html) {
  const std::string begin = "<p class=\"answer\">";
  const size_t at = html.find(begin) + begin.size();
  return html.substr(at, html.find("</p>", at) - at);
}

RunReport SmallRun() {
  RunReport run;
  run.set_ranks(2);
  run.set_requests(5);
  run.set_failed_requests(1);
  run.set_prefill_tokens_per_s(100);
  run.set_decode_tokens_per_s(50);
  for (const auto& [phase, seconds] :
       {std::pair{"experts", 6.0}, {"late ranks", 3.0}, {"exposed combine", 1.0}}) {
    PhaseTime& time = *run.add_phases();
    time.set_phase(phase);
    time.set_seconds(seconds);
  }
  LayerLoad& load = *run.add_expert_load();
  for (const int tokens : {30, 10, 0, 0}) load.add_tokens(tokens);
  for (const int tokens : {30, 10}) load.add_rank_tokens(tokens);
  run.add_rank_memory()->set_host("<script>alert('h')</script> & \"q\"");
  Refusal& refusal = *run.add_refusals();
  refusal.set_code("bad_json");
  refusal.set_message("a\nb\x1b[31m \xff");
  return run;
}

PlacementPlan SmallPlan(int slots, double gap) {
  PlacementPlan plan;
  plan.set_answer("With eplb it is well.");
  plan.set_ranks(2);
  plan.set_hosts(1);
  plan.set_num_layers(1);
  plan.set_num_experts(4);
  plan.add_slots(slots);
  plan.set_objective("time");
  for (const char* name : {"eplb", "contiguous"}) {
    PolicyFigures& policy = *plan.add_policies();
    policy.set_policy(name);
    policy.mutable_in_sample()->set_steps(1.25);
    policy.mutable_in_sample()->set_gap_percent(gap);
    policy.mutable_judged()->set_steps(1.375);
    policy.mutable_judged()->set_gap_percent(2 * gap);
  }
  plan.mutable_judged()->set_name("the second half");
  return plan;
}

PageInputs SweepInputs() {
  PageInputs inputs;
  SweepFiles& sweep = inputs.sweeps.emplace_back();
  sweep.path = "d/points.jsonl";
  for (int r = 0; r < 3; ++r) {
    sweep.runs.push_back(MakeSweepRun(1, "contiguous", r, 100 + r));
    sweep.runs.push_back(MakeSweepRun(1, "eplb", r, 150 + r));
    sweep.runs.push_back(MakeSweepRun(2, "eplb", r, 300 + 2 * r));
  }
  return inputs;
}

Replay Predicted(const std::string& point, double prefill, double decode) {
  Replay replay;
  replay.set_answer("A step takes a while.");
  replay.set_point(point);
  replay.set_ranks(1);
  replay.mutable_prefill()->set_tokens_per_s(prefill);
  replay.mutable_decode()->set_tokens_per_s(decode);
  return replay;
}

TEST(ReportPageTest, ARunSaysItsRatesAndWhatItWaitedFor) {
  PageInputs inputs;
  inputs.runs.push_back({"d/summary.json", SmallRun()});
  inputs.used.push_back({"d/summary.json", 321, "octet run-batch --report DIR"});
  inputs.unused.push_back("d/<b>");
  const std::string html = PageOf(inputs);
  EXPECT_EQ(
      AnswerIn(html),
      "2 ranks answered 5 requests at 100.0 prompt tokens/s and 50.00 tokens/s while decoding, and "
      "refused 1; rank 0 waited 40.0 % of its time, most for late ranks (30.0 %).");
  EXPECT_THAT(html,
              AllOf(HasSubstr("<svg id='fig1'/>"), HasSubstr("Load of each expert in each layer"),
                    HasSubstr("Cumulative load"), HasSubstr("<td class=\"n\">321</td>"),
                    HasSubstr("octet run-batch --report DIR"), HasSubstr("Not used: d/&lt;b&gt;."),
                    HasSubstr("<td class=\"n\">1.500</td>")));  // the busiest rank / mean
}

TEST(ReportPageTest, ARunSaysWhatWasReadInPlace) {
  PageInputs inputs;
  inputs.runs.push_back({"d/summary.json", SmallRun()});
  TrafficBytes& traffic = *inputs.runs[0].message.add_traffic();
  traffic.set_kind("dispatch");
  traffic.set_bytes(5000);
  traffic.set_bytes_in_place(3000);
  EXPECT_THAT(PageOf(inputs),
              AllOf(HasSubstr("of these, read in place"), HasSubstr("<td class=\"n\">5000</td>"),
                    HasSubstr("<td class=\"n\">3000</td>")));
}

// The table of commands is long, and folded; a killed sweep is told of.
TEST(ReportPageTest, ASweepHasItsCommandsAndSaysThatItWasKilled) {
  PageInputs inputs = SweepInputs();
  EXPECT_THAT(PageOf(inputs), AllOf(HasSubstr("<details>\n<summary>The first run of each point"),
                                    Not(HasSubstr("was killed"))));
  inputs.sweeps[0].torn_line = 10;
  Sweep& sweep = inputs.sweeps[0].sweep.emplace();
  sweep.set_repetitions(3);
  for (const int values : {2, 2}) {
    SweepAxis& axis = *sweep.add_axes();
    for (int i = 0; i < values; ++i) axis.add_values();
  }
  EXPECT_THAT(PageOf(inputs), AllOf(HasSubstr("was killed while it wrote line 10"),
                                    HasSubstr("<td class=\"n\">9 of 12</td>")));
}

TEST(ReportPageTest, TextsOfFilesAreNoMarkup) {
  PageInputs inputs;
  inputs.runs.push_back({"d/summary.json", SmallRun()});
  const std::string html = PageOf(inputs);
  EXPECT_THAT(
      html, AllOf(Not(HasSubstr("<script")),
                  HasSubstr("&lt;script&gt;alert(&#39;h&#39;)&lt;/script&gt; &amp; &quot;q&quot;"),
                  Not(HasSubstr("\x1b")), HasSubstr("a\nb\xEF\xBF\xBD[31m \xEF\xBF\xBD")));
  EXPECT_EQ(HtmlText("\xEF\xBF\xBE x \x7f \xc2\x85"), "\xEF\xBF\xBD x \xEF\xBF\xBD \xEF\xBF\xBD");
}

TEST(ReportPageTest, WhatWasMeasuredAndDiffersIsTheAnswer) {
  PageInputs inputs = SweepInputs();
  inputs.plans.push_back({"d/plan.json", SmallPlan(4, 10)});
  inputs.runs.push_back({"d/summary.json", SmallRun()});
  EXPECT_THAT(AnswerIn(PageOf(inputs)),
              HasSubstr("the most clearly faster is ranks=2 placement=eplb"));
  std::erase_if(inputs.sweeps[0].runs, [](const SweepRun& run) { return run.repetition() > 0; });
  EXPECT_EQ(AnswerIn(PageOf(inputs)), "With eplb it is well.");
  inputs.plans.clear();
  EXPECT_THAT(AnswerIn(PageOf(inputs)), HasSubstr("No difference seen"));
  inputs.sweeps.clear();
  EXPECT_THAT(AnswerIn(PageOf(inputs)), HasSubstr("answered 5 requests"));
}

TEST(ReportPageTest, VoidAndFailedRunsAreNotHidden) {
  PageInputs inputs = SweepInputs();
  inputs.sweeps[0].runs[0].set_answers_hash(99);
  inputs.sweeps[0].runs[1].set_failure("killed <after> 10 s");
  const std::string html = PageOf(inputs);
  EXPECT_THAT(
      html, AllOf(HasSubstr("<p class=\"alarm\">VOID: 1 of 8 runs gave other answers"),
                  HasSubstr("VOID ranks=1 placement=contiguous"),
                  HasSubstr("killed &lt;after&gt; 10 s"), HasSubstr("1 run of the sweep failed.")));
  EXPECT_LT(html.find("class=\"alarm\""), html.find("class=\"answer\""));
  EXPECT_THAT(PageOf(SweepInputs()), Not(HasSubstr("VOID")));
}

TEST(ReportPageTest, PlansWithOtherReplicasShareAPicture) {
  PageInputs inputs;
  inputs.plans = {{"d/plan-0.json", SmallPlan(4, 10)}};
  EXPECT_THAT(PageOf(inputs), Not(HasSubstr("Gap against replicas")));
  inputs.plans.push_back({"d/plan-2.json", SmallPlan(6, 4)});
  EXPECT_EQ(ReplicasOf(inputs.plans[1].message), 2);
  const std::string html = PageOf(inputs);
  EXPECT_THAT(html,
              AllOf(HasSubstr("Gap against replicas"), HasSubstr("number of replicas, in sample."),
                    HasSubstr("number of replicas, judged on other routing."), HasSubstr("8.0 %"),
                    HasSubstr("<td class=\"n\">1.375</td>"), HasSubstr("<td class=\"n\">-</td>")));
  EXPECT_EQ(AnswerIn(html), "d/plan-0.json: With eplb it is well.");
}

TEST(ReportPageTest, AComparisonHasItsAnswerItsTableAndALineForEachKindOfGroups) {
  PageInputs inputs;
  ReplayComparison& comparison = inputs.comparisons.emplace_back().message;
  comparison.set_answer("The fastest is 4 ranks.");
  for (const auto& [ranks, ep_size, rate] :
       {std::tuple{2, 2, 40.0}, {2, 1, 30.0}, {4, 4, 60.0}, {4, 2, 50.0}, {4, 1, 0.0}}) {
    ReplayChoice& choice = *comparison.add_choices();
    choice.set_cluster("c.txt");
    choice.set_ranks(ranks);
    choice.set_ep_size(ep_size);
    choice.set_tokens_per_s(rate);
    if (rate == 0) choice.set_refusal("c.txt: host 0 lacks 2.00 GiB");
  }
  const std::string html = PageOf(inputs);
  EXPECT_EQ(AnswerIn(html), "The fastest is 4 ranks.");
  EXPECT_THAT(html, AllOf(HasSubstr("Clusters, ranks and groups"), HasSubstr("<svg"),
                          HasSubstr("<td class=\"n\">60.00</td>"), HasSubstr("all in one group"),
                          HasSubstr("host 0 lacks 2.00 GiB")));
}

TEST(ReportPageTest, PredictionsStandBesideWhatWasMeasured) {
  PageInputs inputs = SweepInputs();
  inputs.replays = {{"d/replays/1.json", Predicted("ranks=1 placement=contiguous", 101, 55.55)},
                    {"d/replays/2.json", Predicted("ranks=1 placement=eplb", 75.5, 75.5)},
                    {"d/replays/3.json", Predicted("ranks=4 placement=eplb", 1, 1)}};
  inputs.replays[2].message.add_notes("It leaves out <much>.");
  const SweepTable table = TabulateSweep(inputs.sweeps[0]);
  const std::vector<Prediction> predictions = JoinPredictions(inputs.replays, table);
  ASSERT_EQ(predictions.size(), 4U);
  EXPECT_EQ(predictions[0].error(), 0);
  EXPECT_NEAR(predictions[1].error(), 0.1, 1e-9);
  EXPECT_EQ(predictions[2].error(), -0.5);
  const OrderCount order =
      CountOrder(predictions);  // eplb is faster; it was predicted of decode alone
  EXPECT_EQ(order.pairs, 2);
  EXPECT_EQ(order.right, 1);
  EXPECT_THAT(
      PageOf(inputs),
      AllOf(
          HasSubstr("Note: It leaves out &lt;much&gt;."),
          HasSubstr(
              "off by a median of 5.0 % (p95 44.0 %, most 50.0 %) in 4 predictions; 1 of 2 pairs"),
          HasSubstr("<td class=\"n\">-50.0 %</td>"), HasSubstr("<td class=\"n\">+10.0 %</td>"),
          HasSubstr(
              "No point that counts has the name of these replays: ranks=4 placement=eplb.")));
}

// eplb is measured as faster in both rates. The exchange says so of decode alone.
TEST(ReportPageTest, TheExchangeAloneIsComparedWithWhatWasMeasured) {
  PageInputs inputs = SweepInputs();
  EXPECT_THAT(PageOf(inputs), Not(HasSubstr("exchange benchmark")));
  inputs.replays = {{"d/1.json", Predicted("ranks=1 placement=contiguous", 100, 50)},
                    {"d/2.json", Predicted("ranks=1 placement=eplb", 110, 60)}};
  for (auto& replay : inputs.replays) {
    for (ReplayPhase* phase : {replay.message.mutable_prefill(), replay.message.mutable_decode()}) {
      phase->set_seconds(1);
      phase->set_exchange_seconds(0.5);
    }
  }
  inputs.replays[0].message.mutable_prefill()->set_exchange_seconds(0);
  inputs.replays[1].message.mutable_decode()->set_exchange_seconds(0.25);
  EXPECT_THAT(
      PageOf(inputs),
      HasSubstr("prefill tokens/s -1.00 (the whole model: 1.00); decode tokens/s 1.00 (the whole "
                "model: 1.00)"));
}

TEST(ReportPageTest, TheBusiestExpertsComeFirst) {
  EXPECT_THAT(CumulativeShares(std::vector<int64_t>{10, 0, 30, 0}), ElementsAre(75, 100, 100, 100));
  EXPECT_THAT(CumulativeShares(std::vector<int64_t>{0, 0}), ElementsAre(0, 0));
  EXPECT_EQ(MaxOverMeanOf(std::vector<int64_t>{30, 10, 0, 0}), 3);
}

TEST(ReportPageTest, WithoutPicturesThereAreTablesAndANote) {
  PageInputs inputs;
  inputs.runs.push_back({"d/summary.json", SmallRun()});
  int asked = 0;
  const ReportPage page = MakeReportPage(inputs, {"d"}, [&](const std::string&, const Picture&) {
    ++asked;
    return absl::NotFoundError("no <gnuplot>");
  });
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(absl::IsNotFound(page.drawing));
  EXPECT_THAT(page.html, AllOf(HasSubstr("Pictures are missing: no &lt;gnuplot&gt;"),
                               HasSubstr("late ranks"), Not(HasSubstr("<svg"))));
}

}  // namespace
}  // namespace octet

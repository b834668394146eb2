#include "launch/pages/page_answer.h"

#include <absl/strings/str_cat.h>

#include "launch/console/text_table.h"
#include "launch/pages/replay_section.h"
#include "launch/pages/run_section.h"
#include "launch/pages/stats_section.h"
#include "launch/pages/sweep_section.h"

namespace octet {

PageAnswer AnswerOfPage(const PageInputs& inputs, const std::vector<SweepTable>& sweeps) {
  constexpr size_t kMostSentences = 12;
  std::vector<std::string> sentences, effects, undecided;
  PageAnswer answer;
  for (const SweepTable& sweep : sweeps) {
    for (const std::string& alarm : AlarmsOfSweep(sweep)) answer.alarms.push_back(alarm);
    const SweepAnswer of_sweep = AnswerOfSweep(sweep);
    (of_sweep.is_decided ? sentences : undecided).push_back(of_sweep.sentence);
    for (const std::string& effect : EffectsOfSweep(sweep)) effects.push_back(effect);
    if (sweep.failed.empty()) continue;
    undecided.push_back(absl::StrCat(Counted(static_cast<int64_t>(sweep.failed.size()), "run"),
                                     " of the sweep failed."));
  }
  const auto add = [&](const std::string& sentence) {
    if (!sentence.empty()) sentences.push_back(sentence);
  };
  if (!sentences.empty()) {  // effects stand behind the best points
    sentences.insert(sentences.end(), effects.begin(), effects.end());
  } else {
    undecided.insert(undecided.end(), effects.begin(), effects.end());
  }
  for (const auto& comparison : inputs.comparisons) add(comparison.message.answer());
  const bool has_one_plan = inputs.plans.size() == 1;
  for (const FromFile<PlacementPlan>& plan : inputs.plans) {
    add(has_one_plan ? plan.message.answer()
                     : absl::StrCat(plan.path, ": ", plan.message.answer()));
  }
  for (const std::string& sentence : undecided) add(sentence);
  for (const SweepTable& sweep : sweeps) {
    add(AnswerOfPredictions(JoinPredictions(inputs.replays, sweep)));
  }
  if (inputs.replays.size() == 1) add(inputs.replays[0].message.answer());
  for (const FromFile<RunReport>& run : inputs.runs) add(AnswerOfRun(run.message));
  for (const FromFile<RoutingStats>& stats : inputs.stats) add(AnswerOfStats(stats.message));
  if (sentences.empty()) sentences.emplace_back("The files have no sentence of their own.");
  if (sentences.size() > kMostSentences) sentences.resize(kMostSentences);
  answer.answer = sentences.front();
  answer.others.assign(sentences.begin() + 1, sentences.end());
  return answer;
}

}  // namespace octet

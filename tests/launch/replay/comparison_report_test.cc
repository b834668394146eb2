// The sentence that answers where a job should run.

#include "launch/replay/comparison_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

ReplayChoice Choice(const std::string& cluster, int ranks, int ep_size, double tokens_per_s,
                    double exchange = 0.1) {
  ReplayChoice choice;
  choice.set_cluster(cluster);
  choice.set_ranks(ranks);
  choice.set_hosts(ranks);
  choice.set_ep_size(ep_size);
  choice.set_max_num_seqs(64 * ep_size);
  choice.set_max_num_batched_tokens(256 * ep_size);
  choice.set_tokens_per_s(tokens_per_s);
  choice.set_tokens_per_s_of_rank(tokens_per_s / ranks);
  choice.set_exchange_share(exchange);
  choice.set_rank_bytes(3 << 29);
  choice.set_usable_bytes(int64_t{2} << 30);
  return choice;
}

ReplayChoice Refused(const std::string& cluster, int ranks, int ep_size) {
  ReplayChoice choice;
  choice.set_cluster(cluster);
  choice.set_ranks(ranks);
  choice.set_ep_size(ep_size);
  choice.set_refusal("a.txt: host 0 lacks 4.00 GiB");
  return choice;
}

ReplayComparison Compare(const std::vector<ReplayChoice>& choices) {
  ReplayComparison comparison;
  for (const ReplayChoice& choice : choices) *comparison.add_choices() = choice;
  comparison.set_answer(AnswerOf(comparison));
  return comparison;
}

TEST(Comparison, SaysWhichGroupsAndHowManyRanks) {
  const ReplayComparison comparison = Compare(
      {Choice("a.txt", 8, 8, 100), Refused("a.txt", 8, 1), Choice("a.txt", 16, 16, 190, 0.3),
       Choice("a.txt", 16, 8, 195), Choice("a.txt", 16, 1, 130, 0),
       Choice("a.txt", 32, 32, 200, 0.6), Choice("a.txt", 32, 8, 240, 0.2)});
  EXPECT_EQ(
      comparison.answer(),
      "The fastest is 32 ranks, groups of 8, with 240.0 tokens/s, 1.20 times as fast as all in "
      "one group; more than 16 ranks do not pay, as 32 give 1.23 times as much; waits for "
      "rows take 20.0 % of its time, and more than half of one group from 32 ranks on.");
}

TEST(Comparison, NamesTheClusterAndWhatCanNotBeRun) {
  const std::string answer =
      Compare({Choice("a.txt", 8, 8, 100, 0.3), Choice("b.txt", 8, 8, 150), Refused("b.txt", 8, 1)})
          .answer();
  EXPECT_THAT(answer, HasSubstr("8 ranks of b.txt, all in one group, with 150.0 tokens/s"));
  EXPECT_THAT(answer, HasSubstr("each rank alone can't be run"));
  EXPECT_THAT(answer, HasSubstr("10.0 % of its time, and at most 30.0 % (8 ranks of a.txt"));
  EXPECT_THAT(answer, Not(HasSubstr("pay")));
}

TEST(Comparison, AnswersForEachOtherClusterToo) {
  const std::string text = FormatComparison(Compare(
      {Refused("a", 8, 8), Choice("b", 8, 8, 1000), Choice("c", 8, 8, 900), Choice("c", 8, 1, 2)}));
  EXPECT_THAT(text, HasSubstr("\nc: The fastest is 8 ranks, all in one group, with 900.0 tokens/s, "
                              "450.00 times as fast as each rank alone"));
  EXPECT_THAT(text, Not(HasSubstr("\na: ")));
}

TEST(Comparison, SaysThatAllRanksPay) {
  EXPECT_THAT(Compare({Choice("a", 2, 2, 10), Choice("a", 4, 4, 18)}).answer(),
              HasSubstr("; all 4 ranks pay, with 1.80 times what 2 give"));
}

TEST(Comparison, HasATableAndTheFlagsOfTheFastest) {
  const std::string text =
      FormatComparison(Compare({Choice("a.txt", 8, 4, 100), Refused("a.txt", 8, 1)}));
  EXPECT_THAT(text, HasSubstr("a.txt    8      8      groups of 4      100.0     12.5       10.0"));
  EXPECT_THAT(text, HasSubstr("1.50 GiB of 2.00 GiB"));
  EXPECT_THAT(text, HasSubstr("host 0 lacks 4.00 GiB"));
  EXPECT_THAT(text, HasSubstr("run-batch: --ep-size 4 --max-num-seqs 256 "
                              "--max-num-batched-tokens 1024\n"));
}

}  // namespace
}  // namespace octet

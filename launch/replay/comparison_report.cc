#include "launch/replay/comparison_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <map>
#include <set>

#include "launch/console/text_table.h"
#include "launch/setup/memory_plan.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// More ranks pay where they add at least this share of what as many gave so far.
constexpr double kPayingShare = 0.5;
// The exchange dominates where it takes this share of the time.
constexpr double kDominatingShare = 0.5;

const ReplayChoice& Fastest(const ReplayComparison& comparison) {
  return *std::ranges::max_element(comparison.choices(), {}, &ReplayChoice::tokens_per_s);
}

bool NamesClusters(const ReplayComparison& comparison) {
  return std::ranges::any_of(comparison.choices(), [&](const ReplayChoice& c) {
    return c.cluster() != comparison.choices(0).cluster();
  });
}

// Returns what the fastest is to other groups on the same ranks.
std::string CompareGroups(const ReplayComparison& comparison, const ReplayChoice& fastest) {
  std::vector<std::string> others;
  for (const ReplayChoice& c : comparison.choices()) {
    const bool is_other = c.cluster() == fastest.cluster() && c.ranks() == fastest.ranks() &&
                          c.ep_size() != fastest.ep_size() &&
                          (c.ep_size() == 1 || c.ep_size() == c.ranks());
    if (!is_other) continue;
    others.push_back(c.refusal().empty()
                         ? absl::StrFormat("%.2f times as fast as %s",
                                           fastest.tokens_per_s() / c.tokens_per_s(),
                                           DescribeGroups(c))
                         : absl::StrCat(DescribeGroups(c), " can't be run"));
  }
  std::string text;
  for (const std::string& other : others) absl::StrAppend(&text, ", ", other);
  return text;
}

// Returns how many ranks of the cluster pay, or "" if only one number was tried.
std::string DescribePay(const ReplayComparison& comparison, const std::string& cluster) {
  std::map<int, double> best;  // tokens/s by ranks
  for (const ReplayChoice& c : comparison.choices()) {
    if (c.cluster() != cluster || !c.refusal().empty()) continue;
    best[c.ranks()] = std::max(best[c.ranks()], c.tokens_per_s());
  }
  if (best.size() < 2) return "";
  auto last = best.begin();
  for (auto next = std::next(last); next != best.end(); last = next++) {
    const double gain = next->second / last->second;
    const double more = static_cast<double>(next->first) / last->first;
    if (gain - 1 >= kPayingShare * (more - 1)) continue;
    return absl::StrFormat("; more than %s do not pay, as %d give %.2f times as much",
                           Counted(last->first, "rank"), next->first, gain);
  }
  return absl::StrFormat("; all %d ranks pay, with %.2f times what %d give", last->first,
                         last->second / best.begin()->second, best.begin()->first);
}

std::string DescribeExchange(const ReplayComparison& comparison, const ReplayChoice& fastest) {
  std::map<std::string, const ReplayChoice*> first;  // where it dominates, by groups and cluster
  const ReplayChoice* most = &fastest;
  for (const ReplayChoice& c : comparison.choices()) {
    if (c.exchange_share() > most->exchange_share()) most = &c;
    if (c.exchange_share() < kDominatingShare || c.cluster() != fastest.cluster()) continue;
    const std::string groups = c.ep_size() == c.ranks() ? "one group" : DescribeGroups(c);
    const ReplayChoice*& least = first[groups];
    if (least == nullptr || c.ranks() < least->ranks()) least = &c;
  }
  std::string text =
      absl::StrFormat("; waits for rows take %.1f %% of its time", 100 * fastest.exchange_share());
  if (first.empty()) {
    return most->exchange_share() > fastest.exchange_share()
               ? text + absl::StrFormat(", and at most %.1f %% (%s%s, %s)",
                                        100 * most->exchange_share(),
                                        Counted(most->ranks(), "rank"),
                                        NamesClusters(comparison)
                                            ? absl::StrCat(" of ", Escaped(most->cluster()))
                                            : "",
                                        DescribeGroups(*most))
               : text;
  }
  absl::StrAppend(&text, ", and more than half");
  const char* separator = " ";
  for (const auto& [groups, choice] : first) {
    absl::StrAppend(&text, separator, "of ", groups, " from ", Counted(choice->ranks(), "rank"),
                    " on");
    separator = ", ";
  }
  return text;
}

std::string Rate(double tokens_per_s) {
  return absl::StrFormat("%.*f", tokens_per_s < 1000 ? 1 : 0, tokens_per_s);
}

std::vector<std::string> RowOf(const ReplayChoice& c) {
  std::vector<std::string> row = {Escaped(c.cluster()), absl::StrCat(c.ranks()),
                                  absl::StrCat(c.hosts()), DescribeGroups(c)};
  if (!c.refusal().empty()) {
    const std::string why(absl::StripPrefix(c.refusal(), absl::StrCat(c.cluster(), ": ")));
    row.insert(row.end(), {"-", "-", "-", "-", "-", why});
    return row;
  }
  const auto percent = [](double share) { return absl::StrFormat("%.1f", 100 * share); };
  const std::string room =
      c.usable_bytes() > 0 ? absl::StrCat(" of ", FormatGiB(c.usable_bytes())) : "";
  row.insert(row.end(),
             {Rate(c.tokens_per_s()), Rate(c.tokens_per_s_of_rank()), percent(c.exchange_share()),
              percent(c.late_ranks_share()), absl::StrCat(FormatGiB(c.rank_bytes()), room), ""});
  return row;
}

// Returns the comparison of each cluster but the fastest, where something can be run.
std::vector<ReplayComparison> ByCluster(const ReplayComparison& comparison) {
  const std::string fastest = Fastest(comparison).cluster();
  std::vector<ReplayComparison> others;
  for (const ReplayChoice& c : comparison.choices()) {
    if (c.cluster() == fastest) continue;
    if (others.empty() || others.back().choices(0).cluster() != c.cluster()) others.emplace_back();
    *others.back().add_choices() = c;
  }
  std::erase_if(others, [](const ReplayComparison& one) {
    return std::ranges::all_of(one.choices(), [](auto& c) { return !c.refusal().empty(); });
  });
  return others;
}

}  // namespace

std::string DescribeGroups(const ReplayChoice& choice) {
  if (choice.ep_size() == 1) return "each rank alone";
  if (choice.ep_size() == choice.ranks()) return "all in one group";
  return absl::StrCat("groups of ", choice.ep_size());
}

std::string AnswerOf(const ReplayComparison& comparison) {
  const ReplayChoice& fastest = Fastest(comparison);
  const std::string where =
      NamesClusters(comparison) ? absl::StrCat(" of ", Escaped(fastest.cluster())) : "";
  return absl::StrFormat(
      "The fastest is %s%s, %s, with %s tokens/s%s%s%s.", Counted(fastest.ranks(), "rank"), where,
      DescribeGroups(fastest), Rate(fastest.tokens_per_s()), CompareGroups(comparison, fastest),
      DescribePay(comparison, fastest.cluster()), DescribeExchange(comparison, fastest));
}

std::string FormatComparison(const ReplayComparison& comparison) {
  std::string text = comparison.answer() + "\n";
  for (const ReplayComparison& one : ByCluster(comparison)) {
    absl::StrAppend(&text, Escaped(one.choices(0).cluster()), ": ", AnswerOf(one), "\n");
  }
  for (const std::string& note : comparison.notes()) absl::StrAppend(&text, "note: ", note, "\n");
  std::vector<std::vector<std::string>> rows = {{"cluster", "ranks", "hosts", "experts over",
                                                 "tokens/s", "of a rank", "exchange %", "late %",
                                                 "memory of a rank", ""}};
  for (const ReplayChoice& choice : comparison.choices()) rows.push_back(RowOf(choice));
  absl::StrAppend(&text, FormatTable(rows));
  const ReplayChoice& fastest = Fastest(comparison);
  absl::StrAppend(&text, "The fastest with run-batch: --ep-size ", fastest.ep_size(),
                  " --max-num-seqs ", fastest.max_num_seqs(), " --max-num-batched-tokens ",
                  fastest.max_num_batched_tokens(), "\n");
  return text;
}

}  // namespace octet

#include "launch/trace/trace_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "launch/console/text_table.h"

namespace octet {
namespace {

constexpr int kMostRanks = 8;  // whose bytes fit a table

std::string FormatHead(const std::string& path, const RoutingStats& s) {
  return absl::StrCat(path, ": ", Counted(s.tokens(), "token"), " in ", Counted(s.steps(), "step"),
                      ", ", Counted(s.attempts(), "attempt"), "; ",
                      Counted(s.layers_size(), "layer"), " of ", s.num_experts(), " experts, top ",
                      s.top_k(), "; ", Counted(s.ranks(), "rank"), " on ",
                      Counted(s.hosts(), "host"), "\n");
}

std::string NameOf(const RoutingStats& s, const LayerRouting& layer) {
  return &layer == &s.whole() ? "all" : absl::StrCat(layer.layer());
}

template <class Format>
std::string EachLayer(const RoutingStats& s, bool with_whole, Format format) {
  std::string text;
  for (const LayerRouting& layer : s.layers()) format(layer, text);
  if (with_whole) format(s.whole(), text);
  return text;
}

std::string FormatLoad(const RoutingStats& s) {
  const std::string head =
      "\nload of experts, max / mean                              |  uniform         |  shuffled\n"
      "layer   trace |   step: mean     p50     p90     p99      cv |    mean      cv |    mean"
      "      cv\n";
  return head + EachLayer(s, true, [&](const LayerRouting& l, std::string& text) {
           const MaxOverMean& m = l.max_over_mean();
           absl::StrAppendFormat(
               &text, "%5s %7.3f | %12.3f %7.3f %7.3f %7.3f %7.3f | %7.3f %7.3f | %7.3f %7.3f\n",
               NameOf(s, l), l.load_max_over_mean(), m.recorded().mean(), m.recorded().p50(),
               m.recorded().p90(), m.recorded().p99(), l.variation().recorded(), m.uniform().mean(),
               l.variation().uniform(), m.shuffled().mean(), l.variation().shuffled());
         });
}

std::string FormatPair(const ExpertPair& pair, const char* link) {
  return absl::StrFormat("%4d %s %-4d %5.1f %% (%.1f %%)", pair.first(), link, pair.second(),
                         100 * pair.share(), 100 * pair.uniform_share());
}

std::string FormatPairs(const RoutingStats& s) {
  const std::string head =
      "\npairs of experts   in one layer (uniform)     to the next layer (uniform)     bits told "
      "(uniform)\n";
  return head + EachLayer(s, false, [&](const LayerRouting& l, std::string& text) {
           absl::StrAppendFormat(&text, "%5s          %30s", NameOf(s, l),
                                 FormatPair(l.strongest_pair(), "+"));
           if (l.has_strongest_transition()) {
             absl::StrAppendFormat(
                 &text, "  %30s     %.4f (%.4f)", FormatPair(l.strongest_transition(), ">"),
                 l.transition_information().recorded(), l.transition_information().uniform());
           }
           text += '\n';
         });
}

std::string FormatDestinations(const RoutingStats& s) {
  const std::string head =
      "\ndestinations of a token   ranks   uniform  shuffled |   hosts   uniform  shuffled\n";
  return head + EachLayer(s, true, [&](const LayerRouting& l, std::string& text) {
           const WithNulls& ranks = l.ranks_of_token();
           const WithNulls& hosts = l.hosts_of_token();
           absl::StrAppendFormat(&text, "%5s %25.3f %9.3f %9.3f | %7.3f %9.3f %9.3f\n",
                                 NameOf(s, l), ranks.recorded(), ranks.uniform(), ranks.shuffled(),
                                 hosts.recorded(), hosts.uniform(), hosts.shuffled());
         });
}

std::string FormatTraffic(const RoutingStats& s) {
  const RankTraffic& traffic = s.traffic();
  const WithNulls& bytes = traffic.bytes();
  std::string text = absl::StrFormat(
      "\nMB between ranks: %.3f, of which %.3f in place (uniform %.3f, shuffled %.3f); %s\n",
      bytes.recorded() / 1e6, static_cast<double>(traffic.bytes_in_place()) / 1e6,
      bytes.uniform() / 1e6, bytes.shuffled() / 1e6,
      traffic.is_as_counted() ? "as counted" : "NOT AS COUNTED by the communicators");
  if (s.ranks() == 1) return text;
  if (s.ranks() > kMostRanks) return text + "  --output-json has them from rank to rank\n";
  text += "home    there and back, with rank\n";
  for (int home = 0; home < s.ranks(); ++home) {
    absl::StrAppendFormat(&text, "%5d", home);
    for (int rank = 0; rank < s.ranks(); ++rank) {
      const int at = home * s.ranks() + rank;
      absl::StrAppendFormat(
          &text, " %10.3f",
          static_cast<double>(traffic.dispatch_bytes(at) + traffic.return_bytes(at)) / 1e6);
    }
    text += '\n';
  }
  return text;
}

std::string FormatTimes(const RoutingStats& s) {
  std::string text = absl::StrFormat("\n%-20s %10s %10s\n", "seconds of ranks", "mean", "most");
  for (const TimeOfRanks& time : s.times()) {
    absl::StrAppendFormat(&text, "%-20s %10.3f %10.3f\n", time.name(), time.mean_seconds(),
                          time.most_seconds());
  }
  return text;
}

}  // namespace

std::string FormatRoutingStats(const std::string& path, const RoutingStats& stats) {
  return absl::StrCat(FormatHead(path, stats), FormatLoad(stats), FormatPairs(stats),
                      FormatDestinations(stats), FormatTraffic(stats), FormatTimes(stats));
}

}  // namespace octet

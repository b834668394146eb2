#include "launch/bench/routing_load.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "kernels/base/number_range.h"
#include "launch/bench/routing_loads.h"
#include "launch/setup/expert_counts_file.h"
#include "runtime/io/strict_json.h"
#include "runtime/trace/token_table.h"

namespace octet {
namespace {

using MadeLoad = absl::StatusOr<std::unique_ptr<RoutingLoad>>;

constexpr NumberRange<double> kExponents = {0, 8};
constexpr size_t kMostCallsBytes = size_t{16} << 20;

absl::Status Bad(const std::string& text, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat(kRoutingFlag, " ", Shortened(Escaped(text)), ": ", what));
}

MadeLoad MakeSame(const RoutingShape& shape, const std::vector<double>& weights) {
  return MakeWeightedLoad(shape, std::vector<std::vector<double>>(shape.num_layers, weights));
}

MadeLoad MakeZipf(const RoutingShape& shape, const std::string& text, const std::string& value) {
  const std::optional<double> exponent = kExponents.Parse(value);
  if (!exponent) {
    return Bad(text, absl::StrCat("the exponent must be a number from ", kExponents.Limits()));
  }
  std::vector<double> weights(shape.num_experts);
  for (int e = 0; e < shape.num_experts; ++e) weights[e] = std::pow(e + 1, -*exponent);
  return MakeSame(shape, weights);
}

MadeLoad MakeAllOn(const RoutingShape& shape, const std::string& text, const std::string& value) {
  const NumberRange<int> ids = {0, shape.num_experts - 1};
  std::vector<double> weights(shape.num_experts);
  int num_chosen = 0;
  for (size_t begin = 0; begin <= value.size();) {
    const size_t end = std::min(value.find(',', begin), value.size());
    const std::optional<int> expert = ids.Parse(value.substr(begin, end - begin));
    if (!expert) {
      return Bad(text, absl::StrCat("must name experts, each from ", ids.Limits(),
                                    ", with commas between them"));
    }
    if (weights[*expert] > 0) return Bad(text, absl::StrCat("names expert ", *expert, " twice"));
    weights[*expert] = 1;
    ++num_chosen;
    begin = end + 1;
  }
  if (num_chosen >= shape.topk) return MakeSame(shape, weights);
  return Bad(text, absl::StrCat("must name at least ", shape.topk,
                                " experts: each token takes so many different ones"));
}

MadeLoad ReadCounts(FileSystem& files, const RoutingShape& shape, const std::string& text,
                    const std::string& path) {
  const absl::StatusOr<ExpertCounts> counts = ReadExpertCounts(
      files, absl::StrCat(kRoutingFlag, " counts:"), path, shape.num_layers, shape.num_experts);
  if (!counts.ok()) return counts.status();
  std::vector<std::vector<double>> weights;
  for (size_t layer = 0; layer < counts->size(); ++layer) {
    const std::vector<int64_t>& row = (*counts)[layer];
    const auto zeros = std::count(row.begin(), row.end(), 0);
    if (std::ssize(row) - zeros < shape.topk) {
      return Bad(text, absl::StrCat("layer ", layer, " has tokens of ", std::ssize(row) - zeros,
                                    " experts; each token takes ", shape.topk));
    }
    weights.emplace_back(row.begin(), row.end());
  }
  return MakeWeightedLoad(shape, weights);
}

// Reads counts or calls: a file of counts is JSON; one of calls has lines.
MadeLoad ReadCountsOrCalls(FileSystem& files, const RoutingShape& shape, const std::string& text,
                           const std::string& path) {
  const absl::StatusOr<std::string> content = files.ReadWhole(path, kMostCallsBytes);
  if (!content.ok()) return Bad(text, std::string(content.status().message()));
  const size_t begin = content->find_first_not_of(" \t\r\n");
  if (begin != std::string::npos && ((*content)[begin] == '{' || (*content)[begin] == '[')) {
    return ReadCounts(files, shape, text, path);
  }
  const absl::StatusOr<std::vector<ExpertCall>> calls = ParseExpertCalls(
      *content, absl::StrCat(kRoutingFlag, " ", text), shape.num_experts, shape.topk);
  if (!calls.ok()) return calls.status();
  return MakeCallsLoad(shape, *calls);
}

// Returns whether each token has different experts. A damaged trace may not.
bool HasDifferentExperts(const TokenTable& table) {
  for (size_t first = 0; first < table.experts.size(); first += table.topk) {
    const auto begin = table.experts.begin() + static_cast<int64_t>(first);
    for (auto a = begin; a != begin + table.topk; ++a) {
      if (std::find(begin, a, *a) != a) return false;
    }
  }
  return true;
}

MadeLoad ReadTrace(FileSystem& files, const RoutingShape& shape, const std::string& text,
                   const std::string& path) {
  absl::StatusOr<TokenTable> table = ReadTokenTable(files, path);
  if (!table.ok()) return Bad(text, std::string(table.status().message()));
  if (table->num_experts != shape.num_experts || table->topk != shape.topk) {
    return Bad(text, absl::StrCat("is of a model with ", table->num_experts, " experts, of which ",
                                  "each token takes ", table->topk, "; this one has ",
                                  shape.num_experts, " and takes ", shape.topk));
  }
  if (table->num_layers < shape.num_layers) {
    return Bad(text, absl::StrCat("has ", table->num_layers, " layers, the model has ",
                                  shape.num_layers, "; --layers takes fewer"));
  }
  std::erase_if(table->answers, [](const TracedAnswer& answer) { return answer.choice != 0; });
  if (table->answers.empty()) return Bad(text, "has no tokens");
  if (!HasDifferentExperts(*table)) return Bad(text, "has a token that takes an expert twice");
  return MakeTraceLoad(shape, *std::move(table));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadRoutingLoad(FileSystem& files,
                                                             const std::string& text,
                                                             const RoutingShape& shape) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string name = text.substr(0, colon);
  const std::string value = text.substr(std::min(colon + 1, text.size()));
  if (text == "uniform") return MakeSame(shape, std::vector<double>(shape.num_experts, 1.0));
  if (!value.empty()) {
    if (name == "zipf") return MakeZipf(shape, text, value);
    if (name == "all-on") return MakeAllOn(shape, text, value);
    if (name == "counts") return ReadCountsOrCalls(files, shape, text, value);
    if (name == "trace") return ReadTrace(files, shape, text, value);
  }
  return Bad(text, "must be uniform, zipf:S, all-on:A,B,..., counts:FILE or trace:FILE");
}

ExpertOverride OverrideBy(RoutingLoad& load) {
  return [&load](int layer, const Batch& batch, Routing& routing) {
    const auto experts = std::span(routing.topk_idx);
    for (size_t run = 0; run < batch.spans.size(); ++run) {
      const SequenceSpan& span = batch.spans[run];
      for (int64_t row = span.first_row; row < span.first_row + span.num_rows; ++row) {
        load.Choose(layer, batch.lines[run], batch.positions[row],
                    experts.subspan(row * routing.topk, routing.topk));
      }
    }
  };
}

}  // namespace octet

#include "launch/bench/expert_calls_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "kernels/base/number_range.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMostCalls = 100'000;
// With these bounds, sums of all calls' products stay below 2^63.
constexpr NumberRange<int64_t> kCallTokens = {1, 1 << 30};
constexpr NumberRange<int64_t> kFrequencies = {1, 1 << 30};
constexpr size_t kTopkColumn = 8;
constexpr size_t kExpertsColumn = 12;

std::string_view Stripped(std::string_view text) {
  constexpr char kBlanks[] = " \t\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Returns the text before the next `separator`, and removes both from `text`.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::vector<std::string_view> SplitColumns(std::string_view text) {
  std::vector<std::string_view> columns;
  while (!text.empty() && columns.size() <= kExpertsColumn) {
    columns.push_back(Stripped(TakeUntil(text, ',')));
  }
  return columns;
}

std::string InQuotes(std::string_view text) { return Quoted(Shortened(text)); }

absl::StatusOr<int64_t> ParseFrequency(std::string_view comment) {
  constexpr std::string_view kName = "freq=";
  const size_t at = comment.find(kName);
  if (at == std::string_view::npos) return 1;
  std::string_view rest = comment.substr(at + kName.size());
  const std::string_view number = rest.substr(0, rest.find_first_of(" \t\r,"));
  const std::optional<int64_t> frequency = kFrequencies.Parse(number);
  if (frequency) return *frequency;
  return absl::InvalidArgumentError(
      absl::StrCat("has freq=", InQuotes(number), ", which ", kFrequencies.Rule()));
}

absl::StatusOr<std::vector<int64_t>> ParseTokens(std::string_view column) {
  std::vector<int64_t> tokens;
  while (!column.empty()) {
    const std::string_view part = TakeUntil(column, ':');
    const std::optional<int64_t> count = kCallTokens.Parse(part);
    if (!count) {
      return absl::InvalidArgumentError(absl::StrCat(
          "has ", InQuotes(part), " as the tokens of an expert, which ", kCallTokens.Rule()));
    }
    tokens.push_back(*count);
  }
  return tokens;
}

absl::Status CheckModel(const std::vector<std::string_view>& columns, size_t num_tokens,
                        int num_experts, int topk) {
  const auto differs = [&](size_t column, int value) {
    return columns.size() > column && columns[column] != absl::StrCat(value);
  };
  if (differs(kExpertsColumn, num_experts)) {
    return absl::InvalidArgumentError(absl::StrCat("is of ", InQuotes(columns[kExpertsColumn]),
                                                   " experts, the model has ", num_experts));
  }
  if (differs(kTopkColumn, topk)) {
    return absl::InvalidArgumentError(absl::StrCat("has ", InQuotes(columns[kTopkColumn]),
                                                   " experts of each token, the model ", topk));
  }
  if (num_tokens < static_cast<size_t>(topk) || num_tokens > static_cast<size_t>(num_experts)) {
    return absl::InvalidArgumentError(absl::StrCat("has tokens of ", num_tokens,
                                                   " experts; the model has ", num_experts,
                                                   ", of which each token takes ", topk));
  }
  return absl::OkStatus();
}

// Parses a line, which must not be empty.
absl::StatusOr<ExpertCall> ParseCall(std::string_view line, int num_experts, int topk) {
  const std::vector<std::string_view> columns = SplitColumns(TakeUntil(line, '#'));
  const absl::StatusOr<int64_t> frequency = ParseFrequency(line);
  if (!frequency.ok()) return frequency.status();
  if (columns.size() < 2) {
    return absl::InvalidArgumentError("must be as \"2, 5:3\": experts, and the tokens of each");
  }
  absl::StatusOr<std::vector<int64_t>> tokens = ParseTokens(columns[1]);
  if (!tokens.ok()) return tokens.status();
  if (columns[0] != absl::StrCat(tokens->size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "says ", InQuotes(columns[0]), " experts and has the tokens of ", tokens->size()));
  }
  const absl::Status status = CheckModel(columns, tokens->size(), num_experts, topk);
  if (!status.ok()) return status;
  return ExpertCall{*std::move(tokens), *frequency};
}

}  // namespace

absl::StatusOr<std::vector<ExpertCall>> ParseExpertCalls(std::string_view text,
                                                         const std::string& where, int num_experts,
                                                         int topk) {
  std::vector<ExpertCall> calls;
  for (int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = Stripped(TakeUntil(text, '\n'));
    if (line.empty() || line.front() == '#') continue;
    absl::StatusOr<ExpertCall> call = ParseCall(line, num_experts, topk);
    if (call.ok() && calls.size() == kMostCalls) {
      call = absl::InvalidArgumentError(absl::StrCat("is beyond the most calls, ", kMostCalls));
    }
    if (!call.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": line ", number, " ", std::string(call.status().message())));
    }
    calls.push_back(*std::move(call));
  }
  if (!calls.empty()) return calls;
  return absl::InvalidArgumentError(absl::StrCat(where, ": has no calls of experts"));
}

}  // namespace octet

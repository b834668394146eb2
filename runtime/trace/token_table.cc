#include "runtime/trace/token_table.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "runtime/trace/routing_recorder.h"
#include "runtime/trace/trace_check.h"
#include "runtime/trace/trace_reader.h"

namespace octet {
namespace {

using AnswerKey = std::pair<int64_t, int32_t>;  // line, choice

// Calls `use` for each step, with the latest header and its attempt's number.
absl::Status ReadSteps(FileSystem& files, const std::string& path,
                       const std::function<absl::Status(const TraceHeader&, int32_t attempt,
                                                        const StepRouting&)>& use) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  if (!reader.ok()) return reader.status();
  int32_t attempt = -1;
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    if (!record.ok()) return record.status();
    if (*record == nullptr) return absl::OkStatus();
    if ((*record)->has_header()) {
      if (!(*record)->header().continues()) ++attempt;
      continue;
    }
    absl::Status status = use(reader->header(), attempt, (*record)->step());
    if (!status.ok()) return status;
  }
}

class TableReader {
 public:
  TableReader(FileSystem& files, const std::string& path) : files_(files), path_(path) {}

  absl::StatusOr<TokenTable> Read() {
    absl::Status status = ReadSteps(
        files_, path_, [this](const TraceHeader& header, int32_t, const StepRouting& step) {
          return Count(header, step);
        });
    if (status.ok()) {
      MakeRoom();
      status = ReadSteps(files_, path_,
                         [this](const TraceHeader&, int32_t attempt, const StepRouting& step) {
                           Fill(attempt, step);
                           return absl::OkStatus();
                         });
    }
    if (status.ok()) status = FindHole();
    if (!status.ok()) return status;
    return std::move(table_);
  }

 private:
  absl::Status Count(const TraceHeader& header, const StepRouting& step) {
    if (header.num_experts() > std::numeric_limits<int16_t>::max()) {
      return absl::UnimplementedError(
          absl::StrCat(path_, ": more than 32767 experts have no room in int16"));
    }
    expert_bytes_ = ExpertBytes(header.num_experts());
    if (table_.num_layers == 0) {
      table_.num_layers = header.num_layers();
      table_.num_experts = header.num_experts();
      table_.topk = header.top_k();
    } else if (table_.num_layers != header.num_layers() ||
               table_.num_experts != header.num_experts() || table_.topk != header.top_k()) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": has traces of several models"));
    }
    for (const TokenRun& run : step.runs()) {
      int64_t& tokens = num_tokens_[{run.line(), run.choice()}];
      tokens = std::max(tokens, int64_t{run.first_position()} + run.num_tokens());
      most_computed_ += run.num_tokens();
      if (run.first_position() == 0) prompts_[{run.line(), run.choice()}] = run.prompt_tokens();
    }
    return absl::OkStatus();
  }

  void MakeRoom() {
    int64_t rows = 0;
    for (const auto& [key, tokens] : num_tokens_) {
      // A position far beyond the number of computed tokens means a hole, which FindHole reports.
      const int64_t kept = std::min(tokens, most_computed_ + 1);
      rows_[key] = std::ssize(table_.answers);
      table_.answers.push_back({.line = key.first,
                                .choice = key.second,
                                .first_row = rows,
                                .num_tokens = kept,
                                .prompt_tokens = prompts_[key]});
      rows += kept;
      if (rows > 2 * most_computed_ + 1) break;
    }
    table_.places.resize(rows);
    table_.experts.resize(rows * SlotsOfToken());
    table_.weights.resize(rows * SlotsOfToken());
  }

  int64_t SlotsOfToken() const { return int64_t{table_.num_layers} * table_.topk; }

  void Fill(int32_t attempt, const StepRouting& step) {
    int64_t from = 0;
    for (const TokenRun& run : step.runs()) {
      const auto found = rows_.find({run.line(), run.choice()});
      const int64_t begin = from;
      from += run.num_tokens();
      if (found == rows_.end()) continue;
      const TracedAnswer& answer = table_.answers[found->second];
      for (int64_t i = 0; i < run.num_tokens(); ++i) {
        const int64_t position = run.first_position() + i;
        if (position >= answer.num_tokens) break;
        const int64_t row = answer.first_row + position;
        table_.places[row] = {.attempt = attempt, .rank = step.rank(), .step = step.step()};
        CopyRow(step, begin + i, row);
      }
    }
  }

  void CopyRow(const StepRouting& step, int64_t from, int64_t to) {
    const int64_t slots = SlotsOfToken();
    for (int64_t s = 0; s < slots; ++s) {
      table_.experts[to * slots + s] =
          static_cast<int16_t>(ExpertAt(step.experts(), from * slots + s, expert_bytes_));
    }
    std::memcpy(&table_.weights[to * slots], step.weights().data() + 2 * from * slots, 2 * slots);
  }

  absl::Status FindHole() const {
    for (const TracedAnswer& answer : table_.answers) {
      for (int64_t i = 0; i < answer.num_tokens; ++i) {
        if (table_.places[answer.first_row + i].rank >= 0) continue;
        return absl::DataLossError(absl::StrCat(path_, ": lacks token ", i, " of line ",
                                                answer.line, ", choice ", answer.choice));
      }
    }
    return absl::OkStatus();
  }

  FileSystem& files_;
  const std::string path_;
  int expert_bytes_ = 1;
  int64_t most_computed_ = 0;                // tokens of all steps
  std::map<AnswerKey, int64_t> num_tokens_;  // of each answer
  std::map<AnswerKey, int64_t> prompts_;     // tokens of its prompt
  std::map<AnswerKey, int64_t> rows_;        // its index in table_.answers
  TokenTable table_;
};

}  // namespace

absl::StatusOr<TokenTable> ReadTokenTable(FileSystem& files, const std::string& path) {
  return TableReader(files, path).Read();
}

}  // namespace octet

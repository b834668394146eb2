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
    table_.num_layers = header.num_layers();
    table_.num_experts = header.num_experts();
    table_.topk = header.top_k();
    for (const TokenRun& run : step.runs()) CountRun(run);
    for (const FoundRun& found : step.found()) CountRun(found.run());
    return absl::OkStatus();
  }

  void CountRun(const TokenRun& run) {
    int64_t& tokens = num_tokens_[{run.line(), run.choice()}];
    tokens = std::max(tokens, int64_t{run.first_position()} + run.num_tokens());
    num_known_ += run.num_tokens();
    if (run.first_position() == 0) prompts_[{run.line(), run.choice()}] = run.prompt_tokens();
  }

  void MakeRoom() {
    int64_t rows = 0;
    for (const auto& [key, tokens] : num_tokens_) {
      // A position far beyond the number of all tokens means a hole, which FindHole reports.
      const int64_t kept = std::min(tokens, num_known_ + 1);
      rows_[key] = std::ssize(table_.answers);
      table_.answers.push_back({.line = key.first,
                                .choice = key.second,
                                .first_row = rows,
                                .num_tokens = kept,
                                .prompt_tokens = prompts_[key]});
      rows += kept;
      if (rows > 2 * num_known_ + 1) break;
    }
    table_.places.resize(rows);
    table_.origins.resize(rows, -1);
    table_.experts.resize(rows * SlotsOfToken());
    table_.weights.resize(rows * SlotsOfToken());
  }

  int64_t SlotsOfToken() const { return int64_t{table_.num_layers} * table_.topk; }

  void Fill(int32_t attempt, const StepRouting& step) {
    for (const FoundRun& found : step.found()) FillFound(found);
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
        if (table_.origins[row] < 0) table_.origins[row] = row;
        CopyRow(step, begin + i, row);
      }
    }
  }

  // Copies the rows of the answer in whose pages the tokens were found.
  void FillFound(const FoundRun& found) {
    const TokenRun& run = found.run();
    const auto to = rows_.find({run.line(), run.choice()});
    const auto from = rows_.find({found.from_line(), found.from_choice()});
    if (to == rows_.end() || from == rows_.end()) return;
    const TracedAnswer& answer = table_.answers[to->second];
    const TracedAnswer& source = table_.answers[from->second];
    const int64_t end = std::min(
        {int64_t{run.first_position()} + run.num_tokens(), answer.num_tokens, source.num_tokens});
    const int64_t slots = SlotsOfToken();
    for (int64_t position = run.first_position(); position < end; ++position) {
      const int64_t row = answer.first_row + position;
      const int64_t other = source.first_row + position;
      table_.places[row] = table_.places[other];
      if (table_.origins[row] < 0) table_.origins[row] = table_.origins[other];
      std::copy_n(&table_.experts[other * slots], slots, &table_.experts[row * slots]);
      std::copy_n(&table_.weights[other * slots], slots, &table_.weights[row * slots]);
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
  int64_t num_known_ = 0;                    // tokens of all steps, computed or found
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

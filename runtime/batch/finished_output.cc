#include "runtime/batch/finished_output.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/batch/error_lines.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/output_assembly.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// Returns the hash of a result's custom_id; nullopt if it has none. The id stands at the beginning,
// and texts inside it can have only escaped quotes.
absl::StatusOr<std::optional<uint64_t>> HashOfCustomId(const std::string& line,
                                                       const std::string& path) {
  const size_t end = line.find(R"(,"response":{)");
  const auto head = ParseStrictJson(line.substr(0, end) + "}", path);
  if (end == std::string::npos || !head.ok() || !head->is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": has a line that octet did not write"));
  }
  const auto id = head->find("custom_id");
  if (id == head->end() || !id->is_string()) return std::nullopt;
  return HashOfLine(id->get_ref<const std::string&>());
}

}  // namespace

absl::StatusOr<FinishedOutput> FinishedOutput::Open(FileSystem& files, const std::string& output,
                                                    const std::vector<std::string>& inputs) {
  absl::StatusOr<LineReader> results = LineReader::Open(files, {output});
  if (!results.ok()) return results.status();
  absl::StatusOr<LineReader> lines = LineReader::Open(files, inputs);
  if (!lines.ok()) return lines.status();
  return FinishedOutput(output, *std::move(results), *std::move(lines));
}

absl::Status FinishedOutput::NextInputLine() {
  while (true) {
    const absl::StatusOr<LineReader::Result> read = input_.Next(line_);
    if (!read.ok()) return read.status();
    if (*read == LineReader::Result::kTooLong) return absl::OkStatus();
    if (*read == LineReader::Result::kEnd) {
      return absl::FailedPreconditionError(absl::StrCat("--input has only ", number_,
                                                        number_ == 1 ? " line" : " lines", ", and ",
                                                        path_, " more"));
    }
    if (!IsBlankLine(line_)) return absl::OkStatus();
  }
}

absl::StatusOr<std::optional<BatchResult>> FinishedOutput::Next() {
  BatchResult result = {.number = number_};
  const absl::StatusOr<LineReader::Result> read = output_.Next(result.text);
  if (!read.ok()) return read.status();
  if (*read == LineReader::Result::kEnd) return std::nullopt;
  if (*read == LineReader::Result::kTooLong) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, ": result ", number_, " is longer than ", LineReader::kMaxLineBytes, " bytes"));
  }
  const absl::Status status = NextInputLine();
  if (!status.ok()) return status;
  ++number_;
  result.answered = IsAnswerLine(result.text);
  result.line_hash = HashOfLine(line_);
  const absl::StatusOr<std::optional<uint64_t>> id = HashOfCustomId(result.text, path_);
  if (!id.ok()) return id.status();
  result.custom_id_hash = *id;
  return result;
}

absl::Status VisitResults(FileSystem& files, const std::string& output, const FinishedJob& finished,
                          const std::vector<std::string>& inputs,
                          const std::function<void()>& advance,
                          absl::FunctionRef<void(const BatchResult&)> visit) {
  absl::StatusOr<FinishedOutput> results = FinishedOutput::Open(files, output, inputs);
  if (!results.ok()) return results.status();
  ResultHashes hashes;
  int64_t num_results = 0;
  while (true) {
    const absl::StatusOr<std::optional<BatchResult>> result = results->Next();
    if (!result.ok()) return result.status();
    if (!*result) break;
    ++num_results;
    hashes.Add(**result);
    visit(**result);
    advance();
  }
  if (num_results != finished.results()) {
    return absl::FailedPreconditionError(
        absl::StrCat(output, ": has ", num_results, " results, and had ", finished.results()));
  }
  if (hashes.lines == finished.lines_hash() ||
      (finished.answered_hash() != 0 && hashes.answered == finished.answered_hash())) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError("a line of --input that has an answer is not that of then");
}

}  // namespace octet

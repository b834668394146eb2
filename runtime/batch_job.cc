#include "runtime/batch_job.h"

#include <absl/strings/str_cat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace octet {
namespace {

absl::Status FileError(const std::string& doing, const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(doing, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status BatchJob::Open(const std::string& input, const std::string& output) {
  input_path_ = input;
  output_path_ = output;
  partial_path_ = output + ".partial";
  std::error_code error;
  if (std::filesystem::is_directory(input, error) || std::filesystem::is_directory(output, error)) {
    return absl::InvalidArgumentError("--input and --output must be files, not directories");
  }
  if (std::filesystem::equivalent(input, output, error) ||
      std::filesystem::equivalent(input, partial_path_, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output ", output, " would overwrite --input ", input));
  }
  input_.open(input);
  if (!input_) return FileError("can't read --input", input);
  output_.open(partial_path_, std::ios::trunc);
  if (!output_) return FileError("can't write beside --output", partial_path_);
  return absl::OkStatus();
}

absl::Status BatchJob::Feed(Engine& engine) {
  std::string text;
  absl::Status status;
  while (status.ok() && engine.num_waiting() < read_ahead_ && std::getline(input_, text)) {
    ++line_;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    AddLine(text, engine);
    status = WriteReady();  // refused lines wait for nobody
  }
  return status;
}

void BatchJob::AddLine(const std::string& text, Engine& engine) {
  ParsedLine parsed = ParseBatchLine(text, limits_);
  const int64_t number = num_results_++;
  if (const auto* error = std::get_if<RequestError>(&parsed.request)) {
    ready_[number] = FormatError(line_, parsed, *error);
    ++num_failed_requests_;
    return;
  }
  auto& request = std::get<BatchRequest>(parsed.request);
  NewSequence sequence;
  sequence.set_id(number);
  sequence.set_line(line_);
  sequence.mutable_prompt_ids()->Add(request.prompt_ids.begin(), request.prompt_ids.end());
  *sequence.mutable_params() = request.params;
  engine.Submit(std::move(sequence));
  in_flight_.emplace(number, InFlight{line_, std::move(request)});
  ++num_requests_;
}

absl::Status BatchJob::Write(const std::vector<FinishedSequence>& finished) {
  for (const FinishedSequence& f : finished) {
    const auto found = in_flight_.find(f.id());
    OCTET_CHECK(found != in_flight_.end()) << f.id();
    ready_[f.id()] = FormatResult(format_, found->second.line, found->second.request, f);
    in_flight_.erase(found);
  }
  return WriteReady();
}

absl::Status BatchJob::WriteReady() {
  if (ready_.empty() || ready_.begin()->first != next_result_) return absl::OkStatus();
  while (!ready_.empty() && ready_.begin()->first == next_result_) {
    output_ << ready_.begin()->second << '\n';
    ready_.erase(ready_.begin());
    ++next_result_;
  }
  output_.flush();
  if (!output_) return FileError("can't write", partial_path_);
  return absl::OkStatus();
}

absl::Status BatchJob::Finish() {
  absl::Status status = WriteReady();
  if (!status.ok()) return status;
  OCTET_CHECK(ready_.empty() && in_flight_.empty()) << "answers are missing";
  if (input_.bad()) return FileError("can't read on in", input_path_);
  output_.close();
  if (!output_) return FileError("can't write", partial_path_);
  if (std::rename(partial_path_.c_str(), output_path_.c_str()) != 0) {
    return FileError("can't rename to", output_path_);
  }
  return absl::OkStatus();
}

}  // namespace octet

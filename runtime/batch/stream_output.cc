#include "runtime/batch/stream_output.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "kernels/check.h"
#include "runtime/io/compressed_stream.h"

namespace octet {
namespace {

bool IsSameFile(const std::string& a, const std::string& b) {
  std::error_code error;
  return a != "-" && b != "-" && std::filesystem::equivalent(a, b, error) && !error;
}

bool IsOrBecomesFile(FileSystem& files, const std::string& output) {
  return output != "-" && (files.IsFile(output) || !files.Exists(output));
}

// Where answers wait for earlier ones.
absl::StatusOr<std::string> WaitingPath(const std::string& output, const std::string& partial) {
  if (partial != output) return output + ".waiting";
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::temp_directory_path(error);
  if (!error) return (directory / absl::StrCat("octet.", getpid(), ".waiting")).string();
  return absl::InvalidArgumentError(
      absl::StrCat("TMPDIR is not a directory; with --output ", output,
                   " answers that wait for earlier ones are kept there"));
}

absl::Status CheckIsNoInput(const std::vector<std::string>& inputs, const std::string& path,
                            const std::string& output) {
  for (const std::string& input : inputs) {
    if (!IsSameFile(input, path)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--output ", output, " would overwrite --input ", input));
  }
  return absl::OkStatus();
}

}  // namespace

bool CanBeResumed(FileSystem& files, const std::vector<std::string>& inputs,
                  const std::string& output) {
  return IsOrBecomesFile(files, output) &&
         std::all_of(inputs.begin(), inputs.end(), [&files](const std::string& input) {
           return input != "-" && files.IsFile(input);
         });
}

absl::Status CheckOutput(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output) {
  if (output != "-" && files.IsDirectory(output)) {
    return absl::InvalidArgumentError(absl::StrCat("--output ", output, " is a directory"));
  }
  const std::string directory = DirectoryOf(output);
  if (output != "-" && !files.IsDirectory(directory)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output ", output, ": there is no directory ", directory));
  }
  return CheckIsNoInput(inputs, output, output);
}

absl::StatusOr<std::unique_ptr<StreamOutput>> StreamOutput::Open(
    FileSystem& files, const std::vector<std::string>& inputs, const std::string& output) {
  const std::string partial = IsOrBecomesFile(files, output) ? output + ".partial" : output;
  const absl::StatusOr<std::string> waiting = WaitingPath(output, partial);
  absl::Status status = waiting.status();
  if (status.ok()) status = CheckIsNoInput(inputs, partial, output);
  if (status.ok()) status = CheckIsNoInput(inputs, *waiting, output);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files.CreateOutput(partial);
  if (stream.ok()) stream = CompressedFor(output, *std::move(stream));
  if (!stream.ok()) return stream.status();
  return std::unique_ptr<StreamOutput>(
      new StreamOutput(files, output, partial, *std::move(stream), *waiting));
}

StreamOutput::StreamOutput(FileSystem& files, std::string path, std::string partial_path,
                           std::unique_ptr<OutputStream> stream, const std::string& waiting_path)
    : files_(files),
      path_(std::move(path)),
      partial_path_(std::move(partial_path)),
      lines_(files, std::move(stream), waiting_path) {}

absl::Status StreamOutput::Add(BatchResult result) {
  ++num_added_;
  return lines_.Add(result.number, std::move(result.text));
}

absl::Status StreamOutput::Finish(int64_t num_results) {
  OCTET_CHECK_EQ(num_results, num_added_);
  absl::Status status = lines_.Close();
  if (!status.ok() || partial_path_ == path_) return status;
  return files_.Rename(partial_path_, path_);
}

}  // namespace octet

#include "runtime/batch/output_path.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "runtime/batch/journal_files.h"

namespace octet {
namespace {

constexpr char kJournal[] = ".journal";

absl::Status Refused(const std::string& output, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("--output ", output, why));
}

absl::Status CheckInputs(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output) {
  for (const std::string& input : inputs) {
    if (input == "-") continue;
    if (files.IsSame(input, output)) return Refused(output, " would overwrite --input " + input);
    if (files.IsSame(DirectoryOf(input), output + kJournal)) {
      return Refused(output, absl::StrCat(": --input ", input, " lies in its journal"));
    }
  }
  return absl::OkStatus();
}

// Returns whether a directory has files that only journals have.
absl::StatusOr<bool> IsJournal(FileSystem& files, const std::string& directory) {
  if (!absl::EndsWith(directory, kJournal)) return false;
  const absl::StatusOr<std::vector<std::string>> names = files.List(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const absl::StatusOr<JournalFile> kind = KindOfFile(files, JoinPath(directory, name));
    if (!kind.ok()) return kind.status();
    if (*kind != JournalFile::kForeign) return true;
  }
  return false;
}

}  // namespace

bool IsOrBecomesFile(FileSystem& files, const std::string& output) {
  return output != "-" && (files.IsFile(output) || !files.Exists(output));
}

bool CanBeResumed(FileSystem& files, const std::vector<std::string>& inputs,
                  const std::string& output) {
  return IsOrBecomesFile(files, output) &&
         std::all_of(inputs.begin(), inputs.end(), [&files](const std::string& input) {
           return input != "-" && files.IsFile(input);
         });
}

absl::Status CheckOutput(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output, const std::string& model) {
  if (output == "-") return absl::OkStatus();
  if (files.IsDirectory(output)) return Refused(output, " is a directory");
  const std::string directory = DirectoryOf(output);
  if (!files.IsDirectory(directory)) {
    return Refused(output, ": there is no directory " + directory);
  }
  absl::Status status = CheckInputs(files, inputs, output);
  if (!status.ok() || !IsOrBecomesFile(files, output)) return status;
  if (absl::EndsWith(output, kJournal)) {
    return Refused(output, " has the name of a journal; choose another one");
  }
  if (!model.empty() && files.IsSame(directory, model)) {
    return Refused(output, " lies among the files of --model; choose another directory");
  }
  const absl::StatusOr<bool> in_journal = IsJournal(files, directory);
  if (!in_journal.ok()) return in_journal.status();
  if (*in_journal) return Refused(output, " lies in the journal of another output");
  return absl::OkStatus();
}

}  // namespace octet

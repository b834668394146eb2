// The right to write an output.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_CLAIM_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_CLAIM_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/journal_files.h"
#include "runtime/io/file.h"

namespace octet {

// The claim to an output that is a file. Only one process has it at a time. It is a lock in the
// directory OUTPUT.journal, which also has the job's scratch files. Every kind of job uses the same
// lock.
class OutputClaim {
 public:
  // Looks whether the claim is free, and whether the last step, a rename to `output`, would
  // succeed. If there is a lock file already, holds it from now on. Writes nothing.
  static absl::StatusOr<OutputClaim> Look(FileSystem& files, const std::string& output);

  const std::string& directory() const { return directory_; }
  std::string PathOf(const std::string& name) const { return JoinPath(directory_, name); }

  // The names of octet's files that Look found there, without the lock; sorted.
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> NamesOf(JournalFile kind) const;

  // Takes the claim. From now on the directory is there, and survives a loss of power.
  absl::Status Take(std::vector<std::string>& notes);

  // Returns false if this file system cannot lock; then another process may have taken the claim
  // too.
  bool is_exclusive() const { return lock_ != nullptr; }

  // Removes those files that Look found and `chosen` accepts.
  absl::Status RemoveFound(absl::FunctionRef<bool(JournalFile)> chosen) const;

  // Removes octet's files that are there now, without the lock and those of kind `kept`.
  absl::Status RemoveAllBut(JournalFile kept) const;

  // Returns the claim, as if it had never been taken. Removes the lock, and the directory unless
  // something is left in it. Errors leave them.
  void Release();

 private:
  OutputClaim(FileSystem& files, const std::string& output)
      : files_(&files), output_(output), directory_(output + ".journal") {}

  absl::Status FindNames();
  absl::Status CheckLock(const absl::Status& status) const;

  FileSystem* files_;
  std::string output_;
  std::string directory_;
  bool was_there_ = false;  // the directory
  std::vector<std::string> names_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_CLAIM_H_

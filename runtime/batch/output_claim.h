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

// One process at a time has the claim to an output that is a file. It is a lock in the directory
// OUTPUT.journal, in which its scratch files lie too; whatever kind of job meets another there.
class OutputClaim {
 public:
  // Looks whether the claim can be had, and whether the last step, a rename to `output`, would
  // succeed. Where there is a lock already, it is held from now on. Nothing is written.
  static absl::StatusOr<OutputClaim> Look(FileSystem& files, const std::string& output);

  const std::string& directory() const { return directory_; }
  std::string PathOf(const std::string& name) const { return JoinPath(directory_, name); }

  // What Look found there that is octet's, but the lock; sorted.
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> NamesOf(JournalFile kind) const;

  // Takes the claim: from now on the directory is there, and survives a loss of power.
  absl::Status Take(std::vector<std::string>& notes);

  // False: this file system can't lock, and another process may have taken it too.
  bool is_exclusive() const { return lock_ != nullptr; }

  // Removes of what Look found what is chosen.
  absl::Status RemoveFound(absl::FunctionRef<bool(JournalFile)> chosen) const;

  // Removes what is octet's now, but the lock and what is kept.
  absl::Status RemoveAllBut(JournalFile kept) const;

  // Gives the claim back, as if it had never been taken: the lock goes, and the directory unless
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

#ifndef OCTET_TESTS_SUPPORT_OPEN_JOURNAL_H_
#define OCTET_TESTS_SUPPORT_OPEN_JOURNAL_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/journal.h"

namespace octet {

// Looks, and begins.
inline absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(FileSystem& files,
                                                            const std::string& output,
                                                            const JobIdentity& job,
                                                            const JournalOptions& options,
                                                            std::vector<std::string>& notes) {
  absl::StatusOr<std::unique_ptr<Journal>> journal =
      Journal::Look(files, output, job, options, notes);
  if (!journal.ok()) return journal;
  const absl::Status status = (*journal)->Begin(notes);
  if (!status.ok()) return status;
  return journal;
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_OPEN_JOURNAL_H_

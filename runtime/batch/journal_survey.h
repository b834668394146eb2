// What a journal tells of a job that may be running.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_SURVEY_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_SURVEY_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/io/file.h"

namespace octet {

struct JournalSurvey {
  int64_t answered = 0;
  int64_t failed = 0;
  std::optional<FinishedJob> finished;

  // What the last attempt did.
  int attempts = 0;      // its number; 0 if none has begun
  JournalHeader header;  // without host, process and start, if it is torn
  int64_t results = 0;
  int64_t tokens = 0;      // generated, of these
  int64_t under_way = 0;   // requests
  std::string holder;      // as the lock names the last attempt; empty if there is no lock
  std::string ended;       // why it ended, if it could say so
  std::string crash;       // the note of a rank that crashed or stood still
  int64_t written_ns = 0;  // the last change of its part, since 1970

  std::vector<std::string> notes;
};

// Reads the journal of an output without a lock, and writes nothing: an attempt may write it at the
// same time, or end. Torn and damaged records do not count, as for the next attempt. Returns
// kNotFound if there is no journal.
absl::StatusOr<JournalSurvey> SurveyJournal(FileSystem& files, const std::string& output);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_SURVEY_H_

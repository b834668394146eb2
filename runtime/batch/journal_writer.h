// The part of a journal that one attempt writes.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_WRITER_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_WRITER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "runtime/batch/journal_record.h"
#include "runtime/io/file.h"

namespace octet {

// When written results become durable.
struct GroupCommit {
  int64_t most_results = 64;  // a group is no larger, unless more come while it is made durable
  std::chrono::milliseconds most_age{1000};  // of its first one
  bool in_background = true;                 // otherwise within Flush, and by number only

  // Makes durable, before the results of a group, what must not be lost when they count as done.
  // From any thread, without the journal's lock.
  std::function<absl::Status()> sync_before = [] { return absl::OkStatus(); };
};

// What keeping a journal has cost.
struct JournalCost {
  double wall_seconds = 0;  // of the thread that appends
  double cpu_seconds = 0;   // of all threads
};

// Appends records, and makes them durable in groups on a thread of its own: nobody waits for the
// disk, unless it falls far behind.
class JournalWriter {
 public:
  // Makes the file and its first record durable; the directory is the caller's.
  static absl::StatusOr<std::unique_ptr<JournalWriter>> Create(FileSystem& files,
                                                               const std::string& path,
                                                               const std::string& header,
                                                               const GroupCommit& commit);
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  ~JournalWriter();

  // Keeps a record until Flush. Returns where in the file it will begin.
  uint64_t Append(const BatchResult& result);
  void AppendStarted(std::span<const int64_t> numbers);

  // Writes what was appended: a process that dies now does not lose it. An error of the file, also
  // of what was to become durable, is final.
  absl::Status Flush();

  // Ends the part with the reason, everything in it being durable. From any thread; nothing is
  // written after it, and a second call does nothing.
  absl::Status End(const std::string& reason);

  // Results that survive a loss of power.
  int64_t num_durable() const;

  JournalCost cost() const;
  const std::string& path() const { return file_->path(); }

 private:
  JournalWriter(std::unique_ptr<OutputStream> file, const GroupCommit& commit)
      : file_(std::move(file)), commit_(commit) {}

  uint64_t AppendLine(const std::string& line);
  absl::Status WriteBuffer();
  bool GroupIsFull() const { return written_ - durable_ >= commit_.most_results; }
  void SyncInBackground();
  void SyncGroup(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<OutputStream> file_;
  const GroupCommit commit_;
  uint64_t seed_ = 0;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::string buffer_;
  uint64_t bytes_ = 0;    // of the file, with what is in the buffer
  int64_t appended_ = 0;  // results
  int64_t written_ = 0;   // of those
  int64_t durable_ = 0;   // of those
  bool ended_ = false;
  bool stopping_ = false;  // the thread
  absl::Status status_;
  JournalCost cost_;
  std::thread syncing_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_WRITER_H_

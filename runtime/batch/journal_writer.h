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
  int64_t most_results = 64;  // the most of a group, unless more come while it is made durable
  std::chrono::milliseconds most_age{1000};  // of its first result
  bool in_background = true;                 // otherwise in Flush, without regard to age

  // Makes durable what must not be lost when the results of a group count as done. Is called before
  // that, from any thread, without the journal's lock.
  std::function<absl::Status()> sync_before = [] { return absl::OkStatus(); };
};

// The cost of a journal.
struct JournalCost {
  double wall_seconds = 0;  // of the thread that appends
  double cpu_seconds = 0;   // of all threads
};

// A writer that appends records, and makes them durable in groups on a thread of its own. No caller
// waits for the disk, unless the disk is far behind.
class JournalWriter {
 public:
  // Makes the file and its first record durable. The caller must make the directory durable.
  static absl::StatusOr<std::unique_ptr<JournalWriter>> Create(FileSystem& files,
                                                               const std::string& path,
                                                               const std::string& header,
                                                               const GroupCommit& commit);
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  ~JournalWriter();

  // Keeps a record until Flush. Returns the offset in the file where it will begin.
  uint64_t Append(const BatchResult& result);
  void AppendStarted(std::span<const int64_t> numbers);

  // Writes what was appended: it survives the death of the process. An error of the file is final,
  // also one from making records durable.
  absl::Status Flush();

  // Ends the part with the reason, and makes all of it durable. Any thread may call it. Nothing is
  // written after it, and a second call does nothing.
  absl::Status End(const std::string& reason);

  // The number of results that survive a loss of power.
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

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::string buffer_;
  uint64_t bytes_ = 0;    // of the file, including the buffer
  int64_t appended_ = 0;  // results
  int64_t written_ = 0;   // of appended_
  int64_t durable_ = 0;   // of written_
  bool ended_ = false;
  bool stopping_ = false;  // the thread
  absl::Status status_;
  JournalCost cost_;
  std::thread syncing_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_WRITER_H_

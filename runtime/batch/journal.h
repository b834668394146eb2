// Results that outlive the process that made them.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/batch/batch_output.h"
#include "runtime/batch/journal_reader.h"
#include "runtime/batch/journal_writer.h"
#include "runtime/io/file.h"

namespace octet {

enum class StartMode {
  kNew,        // refused where unfinished work would be lost
  kResume,     // goes on with what is there
  kOverwrite,  // throws away what is there
};

struct JournalOptions {
  StartMode mode = StartMode::kNew;
  GroupCommit commit;
  bool compare_contents = false;          // of input and model files, in place of their times
  std::function<void()> advance = [] {};  // called now and then in long work
};

// The output of a job that goes to a file, and beside it the directory OUTPUT.journal:
//   lock           held, and named, by the attempt that runs
//   part-N         what attempt N has done (runtime/batch/journal_record.h)
//   part-N.crash   made by a rank of attempt N that crashed or stood still (fault_note.h)
//   output-N       the output, as attempt N assembles it
//   finished       the job whose output is complete
// Nobody writes to what belongs to another attempt, so one that is still alive somewhere can't
// damage the next.
class Journal : public BatchOutput {
 public:
  // Reads what earlier attempts left and begins another one. Errors: the output is in use, or is
  // of a job that differs; `notes` get what a person should know.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(FileSystem& files, const std::string& output,
                                                       const JobIdentity& job,
                                                       const JournalOptions& options,
                                                       std::vector<std::string>& notes);

  // The output of this very job is there, and whole; then nothing else may be called.
  const FinishedJob* finished() const { return finished_ ? &*finished_ : nullptr; }

  const std::string& directory() const { return directory_; }

  // Results that earlier attempts left.
  int64_t num_earlier() const { return num_earlier_; }

  // The file that a rank makes which crashes or stands still.
  std::string crash_path() const;

  JournalCost cost() const { return writer_->cost(); }

  std::optional<EarlierResult> Find(int64_t number) const override;
  EarlierFaults FaultsOf(int64_t number) const override;
  void Start(std::span<const int64_t> numbers) override { writer_->AppendStarted(numbers); }
  absl::Status Add(BatchResult result) override;
  absl::Status Flush() override { return writer_->Flush(); }
  int64_t num_safe() const override { return num_earlier() + writer_->num_durable(); }
  absl::Status Finish(int64_t num_results) override;
  absl::Status Stop(const std::string& reason) override { return writer_->End(reason); }

 private:
  // Where a record begins: the index of its part above 48 bits of offset.
  using Location = uint64_t;
  static constexpr Location kMissing = ~Location{0};

  Journal(FileSystem& files, std::string output, JobIdentity job, JournalOptions options);

  absl::StatusOr<bool> FindFinished(std::vector<std::string>& notes);
  absl::Status TakeLock(std::vector<std::string>& notes);
  absl::Status UseEarlierParts(std::vector<std::string>& notes);
  absl::Status ReadPart(const std::string& name, std::vector<std::string>& notes);
  absl::Status CountFault(const std::string& path, const absl::flat_hash_set<int64_t>& in_flight);
  absl::Status UseRecord(const JournalRecord& record, size_t part, uint64_t offset,
                         absl::flat_hash_set<int64_t>& in_flight);
  absl::Status CompareHeader(const std::string& text, const std::string& name) const;
  void AddEarlier(const BatchResult& result, size_t part, uint64_t offset);
  absl::Status RemoveWhere(const std::function<bool(const std::string&)>& chosen);
  absl::Status ThrowAway();
  absl::Status BeginPart();
  void SetLocation(int64_t number, size_t part, uint64_t offset);
  absl::Status Assemble(int64_t num_results, OutputStream& output);
  absl::StatusOr<std::string> ReadResult(std::optional<JournalReader>& reader, size_t part,
                                         uint64_t offset, int64_t number);
  std::string PathOf(const std::string& name) const { return JoinPath(directory_, name); }

  FileSystem& files_;
  const std::string output_;
  const std::string directory_;
  const JobIdentity job_;
  const JournalOptions options_;
  std::optional<FinishedJob> finished_;
  std::unique_ptr<FileLock> lock_;
  std::vector<std::string> parts_;      // names; the last one is this attempt's
  std::vector<Location> locations_;     // by number
  std::vector<EarlierResult> earlier_;  // by number, where there is a location
  int64_t num_earlier_ = 0;
  absl::flat_hash_map<int64_t, EarlierFaults> faults_;  // by number
  std::unique_ptr<JournalWriter> writer_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_H_

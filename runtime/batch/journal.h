// Results that outlive the process that made them.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/batch/batch_output.h"
#include "runtime/batch/journal_index.h"
#include "runtime/batch/journal_writer.h"
#include "runtime/batch/output_claim.h"
#include "runtime/io/file.h"

namespace octet {

enum class StartMode {
  kNew,          // refuses to lose an output or unfinished work
  kResume,       // continues what is there
  kOverwrite,    // discards what is there
  kRetryFailed,  // keeps the answers that are there, of a job that is finished or not
};

struct JournalOptions {
  StartMode mode = StartMode::kNew;
  GroupCommit commit;
  bool compare_contents = false;          // of input and model files, instead of their times
  std::function<void()> advance = [] {};  // called now and then in long work
  int64_t expected_results = 0;           // about; 0 if not known
  std::vector<std::string> input_paths;   // for those who look at the job

  // Returns the hash of the input (runtime/batch/input_lines.h). Is called if only the input's time
  // has changed since the job was finished.
  std::function<absl::StatusOr<uint64_t>()> hash_of_lines = [] { return uint64_t{0}; };
};

// The output of a job that goes to a file, with the directory OUTPUT.journal beside it
// (runtime/batch/journal_files.h). An attempt never writes to the files of another attempt, so one
// that is still alive cannot damage the next.
class Journal : public BatchOutput {
 public:
  // Reads what earlier attempts left, and writes nothing. Errors: the output is in use, belongs to
  // a different job or to none, or cannot be completed because there is no room or no permission to
  // replace it. Appends notes for the user to `notes`.
  static absl::StatusOr<std::unique_ptr<Journal>> Look(FileSystem& files, const std::string& output,
                                                       const JobIdentity& job,
                                                       const JournalOptions& options,
                                                       std::vector<std::string>& notes);

  // Begins another attempt, unless finished().
  absl::Status Begin(std::vector<std::string>& notes) override;

  // Returns how many earlier results are errors that this attempt computes again.
  int64_t num_retried() const { return num_retried_; }

  // Returns the job if its output is already complete, else null. If it is complete, only Begin may
  // be called.
  const FinishedJob* finished() const { return finished_ ? &*finished_ : nullptr; }

  const std::string& directory() const { return claim_.directory(); }

  // The number of results that earlier attempts left.
  int64_t num_earlier() const { return index_.num_earlier(); }

  // The path of the file that a rank writes if it crashes or stands still.
  std::string crash_path() const { return claim_.PathOf(CrashName(index_.parts().back())); }

  JournalCost cost() const { return writer_->cost(); }

  std::optional<EarlierResult> Find(int64_t number) const override {
    return index_.FindEarlier(number);
  }
  EarlierFaults FaultsOf(int64_t number) const override { return index_.FaultsOf(number); }
  void Start(std::span<const int64_t> numbers) override { writer_->AppendStarted(numbers); }
  absl::Status Add(BatchResult result) override;
  absl::Status Flush() override { return Kept(writer_->Flush()); }
  int64_t num_safe() const override { return num_earlier() + writer_->num_durable(); }
  absl::Status Finish(int64_t num_results) override;
  absl::Status Stop(const std::string& reason) override { return writer_->End(reason); }

 private:
  Journal(FileSystem& files, std::string output, JobIdentity job, JournalOptions options,
          OutputClaim claim);

  absl::Status LookForFinished(std::vector<std::string>& notes);
  absl::Status CompareFinished(const FinishedJob& finished, std::vector<std::string>& notes) const;
  absl::Status LookAtParts(std::vector<std::string>& notes);
  absl::Status CompareHeader(const JournalHeader& header, std::vector<std::string>& notes);
  absl::Status LookAtOutput();
  absl::Status CheckRoom() const;
  bool Retries(const FinishedJob& finished) const;
  absl::Status LookAtFailures();
  absl::Status BeginRetry(std::vector<std::string>& notes);
  absl::Status CopyAnswers(JournalWriter& part);
  absl::StatusOr<std::unique_ptr<JournalWriter>> CreatePart(std::string* name);
  absl::Status BeginPart();
  absl::Status Rename(const FinishedJob& finished);
  absl::Status Complete();
  absl::Status Assemble(int64_t num_results, const std::string& path, FinishedJob& finished);
  absl::Status Kept(const absl::Status& status) const;

  FileSystem& files_;
  const std::string output_;
  const JobIdentity job_;
  const JournalOptions options_;
  OutputClaim claim_;
  std::optional<FinishedJob> finished_;
  std::optional<FinishedJob> retried_;  // whose failures this attempt computes again
  int64_t num_retried_ = 0;
  bool is_assembled_ = false;  // the output is complete but lacks its name
  std::optional<ReplacedOutput> replaces_;
  std::vector<ReplacedOutput> replaceable_;  // that earlier attempts were allowed to replace
  JournalIndex index_;
  std::unique_ptr<JournalWriter> writer_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_H_

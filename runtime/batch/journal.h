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
  kNew,        // refused where an output or unfinished work would be lost
  kResume,     // goes on with what is there
  kOverwrite,  // throws away what is there
};

struct JournalOptions {
  StartMode mode = StartMode::kNew;
  GroupCommit commit;
  bool compare_contents = false;          // of input and model files, in place of their times
  std::function<void()> advance = [] {};  // called now and then in long work
  int64_t expected_results = 0;           // about; 0: not known

  // That of the input (runtime/batch/input_lines.h); asked where its time alone has changed since
  // the job was finished.
  std::function<absl::StatusOr<uint64_t>()> hash_of_lines = [] { return uint64_t{0}; };
};

// The output of a job that goes to a file, and beside it the directory OUTPUT.journal
// (runtime/batch/journal_files.h). Nobody writes to what belongs to another attempt, so one that is
// still alive somewhere can't damage the next.
class Journal : public BatchOutput {
 public:
  // Reads what earlier attempts left, and writes nothing. Errors: the output is in use, is of a job
  // that differs or of none, or can't be completed: there is no room, or no right to replace it.
  // `notes` get what a person should know.
  static absl::StatusOr<std::unique_ptr<Journal>> Look(FileSystem& files, const std::string& output,
                                                       const JobIdentity& job,
                                                       const JournalOptions& options,
                                                       std::vector<std::string>& notes);

  // Begins another attempt; unless finished().
  absl::Status Begin(std::vector<std::string>& notes) override;

  // The output of this very job is there, and whole; then nothing but Begin may be called.
  const FinishedJob* finished() const { return finished_ ? &*finished_ : nullptr; }

  const std::string& directory() const { return claim_.directory(); }

  // Results that earlier attempts left.
  int64_t num_earlier() const { return index_.num_earlier(); }

  // The file that a rank makes which crashes.
  std::string crash_path() const { return claim_.PathOf(CrashName(index_.parts().back())); }

  JournalCost cost() const { return writer_->cost(); }

  std::optional<EarlierResult> Find(int64_t number) const override {
    return index_.FindEarlier(number);
  }
  int NumCrashes(int64_t number) const override { return index_.NumCrashes(number); }
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
  absl::Status BeginPart();
  absl::Status Complete();
  absl::Status Assemble(int64_t num_results, const std::string& path, FinishedJob& finished);
  absl::StatusOr<uint64_t> WriteResults(int64_t num_results, OutputStream& output);
  absl::StatusOr<BatchResult> ReadResult(std::optional<JournalReader>& reader, int64_t number);
  absl::Status Kept(const absl::Status& status) const;

  FileSystem& files_;
  const std::string output_;
  const JobIdentity job_;
  const JournalOptions options_;
  OutputClaim claim_;
  std::optional<FinishedJob> finished_;
  bool is_assembled_ = false;  // finished_ only lacks its name
  std::optional<ReplacedOutput> replaces_;
  std::vector<ReplacedOutput> replaceable_;  // by what earlier attempts were told
  JournalIndex index_;
  std::unique_ptr<JournalWriter> writer_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_H_

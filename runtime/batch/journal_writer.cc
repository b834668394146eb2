#include "runtime/batch/journal_writer.h"

#include <algorithm>

#include "kernels/base/thread_cpu.h"

namespace octet {
namespace {

// The writer waits for a slow disk when this many results are not durable.
constexpr int64_t kMostPending = 4096;

std::span<const std::byte> View(const std::string& text) { return std::as_bytes(std::span(text)); }

// Adds its lifetime to the cost.
class Costs {
 public:
  explicit Costs(JournalCost& cost) : cost_(cost) {}
  Costs(const Costs&) = delete;
  Costs& operator=(const Costs&) = delete;
  ~Costs() {
    cost_.wall_seconds += std::chrono::duration<double>(Clock::now() - start_).count();
    cost_.cpu_seconds += ThreadCpuSeconds() - cpu_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  JournalCost& cost_;
  Clock::time_point start_ = Clock::now();
  double cpu_ = ThreadCpuSeconds();
};

}  // namespace

absl::StatusOr<std::unique_ptr<JournalWriter>> JournalWriter::Create(FileSystem& files,
                                                                     const std::string& path,
                                                                     const std::string& header,
                                                                     const GroupCommit& commit) {
  absl::StatusOr<std::unique_ptr<OutputStream>> file = files.CreateNew(path);
  if (!file.ok()) return file.status();
  std::unique_ptr<JournalWriter> writer(new JournalWriter(*std::move(file), commit));
  const std::string line =
      FormatRecord({.kind = JournalRecord::Kind::kHeader, .text = header}, /*seed=*/0);
  writer->seed_ = SeedFromHeader(std::string_view(line).substr(0, line.size() - 1));
  writer->bytes_ = line.size();
  absl::Status status = writer->file_->Write(View(line));
  if (status.ok()) status = writer->file_->Sync();
  if (!status.ok()) {
    files.Remove(path).IgnoreError();
    return status;
  }
  if (commit.in_background) {
    writer->syncing_ = std::thread([w = writer.get()] { w->SyncInBackground(); });
  }
  return writer;
}

JournalWriter::~JournalWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (syncing_.joinable()) syncing_.join();
}

uint64_t JournalWriter::AppendLine(const std::string& line) {
  const uint64_t begin = bytes_;
  buffer_ += line;
  bytes_ += line.size();
  return begin;
}

uint64_t JournalWriter::Append(const BatchResult& result) {
  const std::lock_guard lock(mutex_);
  const Costs costs(cost_);
  ++appended_;
  return AppendLine(FormatResultRecord(result, seed_));
}

void JournalWriter::AppendStarted(std::span<const int64_t> numbers) {
  const std::lock_guard lock(mutex_);
  const Costs costs(cost_);
  AppendLine(FormatRecord(
      {.kind = JournalRecord::Kind::kStarted, .numbers = {numbers.begin(), numbers.end()}}, seed_));
}

absl::Status JournalWriter::WriteBuffer() {
  if (status_.ok() && !buffer_.empty()) status_ = file_->Write(View(buffer_));
  buffer_.clear();
  if (status_.ok()) written_ = appended_;
  return status_;
}

absl::Status JournalWriter::Flush() {
  std::unique_lock lock(mutex_);
  if (ended_) return absl::CancelledError(file_->path() + ": is ended");
  const Costs costs(cost_);
  if (!WriteBuffer().ok()) return status_;
  if (!commit_.in_background) {
    if (GroupIsFull()) SyncGroup(lock);
    return status_;
  }
  changed_.notify_all();
  changed_.wait(lock, [this] { return written_ - durable_ <= kMostPending || !status_.ok(); });
  return status_;
}

// Makes a group durable. Releases the lock during the work of the disk.
void JournalWriter::SyncGroup(std::unique_lock<std::mutex>& lock) {
  const int64_t written = written_;
  lock.unlock();
  const double cpu = ThreadCpuSeconds();
  absl::Status status = commit_.sync_before();
  if (status.ok()) status = file_->Sync();
  const double cpu_seconds = ThreadCpuSeconds() - cpu;
  lock.lock();
  if (commit_.in_background) cost_.cpu_seconds += cpu_seconds;
  if (status.ok()) durable_ = std::max(durable_, written);
  if (status_.ok()) status_ = status;
  changed_.notify_all();
}

void JournalWriter::SyncInBackground() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return written_ > durable_ || stopping_; });
    changed_.wait_for(lock, commit_.most_age, [this] { return GroupIsFull() || stopping_; });
    if (stopping_ || !status_.ok()) return;
    if (written_ > durable_) SyncGroup(lock);
  }
}

absl::Status JournalWriter::End(const std::string& reason) {
  std::unique_lock lock(mutex_);
  if (ended_) return status_;
  ended_ = true;
  AppendLine(FormatRecord({.kind = JournalRecord::Kind::kEnded, .text = reason}, seed_));
  if (WriteBuffer().ok()) SyncGroup(lock);
  return status_;
}

int64_t JournalWriter::num_durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

JournalCost JournalWriter::cost() const {
  const std::lock_guard lock(mutex_);
  return cost_;
}

}  // namespace octet

#include "tests/support/counting_file_system.h"

#include <utility>

namespace octet {
namespace {

class CountingFile : public RandomAccessFile {
 public:
  CountingFile(std::unique_ptr<RandomAccessFile> base, CountingFileSystem& counter)
      : base_(std::move(base)), counter_(counter) {}

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    absl::Status status = base_->Read(offset, out);
    if (status.ok()) counter_.Record(path(), {offset, out.size()});
    return status;
  }
  absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const override {
    return base_->Map(offset, bytes);
  }
  uint64_t size() const override { return base_->size(); }
  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<RandomAccessFile> base_;
  CountingFileSystem& counter_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> CountingFileSystem::Open(
    const std::string& path) {
  auto file = base_.Open(path);
  if (!file.ok()) return file.status();
  return std::make_unique<CountingFile>(*std::move(file), *this);
}

uint64_t CountingFileSystem::BytesRead() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [path, ranges] : reads_) {
    for (const Range& range : ranges) bytes += range.bytes;
  }
  return bytes;
}

uint64_t CountingFileSystem::BytesRead(const std::string& path) const {
  uint64_t bytes = 0;
  for (const Range& range : Reads(path)) bytes += range.bytes;
  return bytes;
}

std::vector<CountingFileSystem::Range> CountingFileSystem::Reads(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = reads_.find(path);
  return found == reads_.end() ? std::vector<Range>() : found->second;
}

void CountingFileSystem::Reset() {
  const std::lock_guard lock(mutex_);
  reads_.clear();
}

void CountingFileSystem::Record(const std::string& path, Range range) {
  const std::lock_guard lock(mutex_);
  reads_[path].push_back(range);
}

}  // namespace octet

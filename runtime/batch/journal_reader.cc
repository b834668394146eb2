#include "runtime/batch/journal_reader.h"

#include <algorithm>
#include <utility>

namespace octet {
namespace {

constexpr uint64_t kWindow = uint64_t{1} << 20;

}  // namespace

absl::StatusOr<JournalReader> JournalReader::Open(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(path);
  if (!file.ok()) return file.status();
  return JournalReader(*std::move(file));
}

absl::StatusOr<std::optional<JournalRecord>> JournalReader::Read(uint64_t offset) {
  const absl::StatusOr<std::optional<std::string_view>> line = Line(offset);
  if (!line.ok()) return line.status();
  if (!*line) return std::nullopt;
  std::optional<JournalRecord> record = ParseRecord(**line, offset == 0 ? 0 : seed_);
  if (!record) return std::nullopt;
  if (record->kind == JournalRecord::Kind::kHeader) seed_ = SeedFromHeader(**line);
  next_ = offset + (*line)->size() + 1;
  return record;
}

absl::StatusOr<uint64_t> JournalReader::Skip(uint64_t offset) {
  const absl::StatusOr<std::optional<std::string_view>> line = Line(offset);
  if (!line.ok()) return line.status();
  if (!*line) return size();
  const std::optional<size_t> inside = FindRecord(**line, seed_);
  return offset + (inside ? *inside : (*line)->size() + 1);
}

// Returns the line without its newline, or nullopt if the file ends before one.
absl::StatusOr<std::optional<std::string_view>> JournalReader::Line(uint64_t offset) {
  for (uint64_t bytes = kWindow;; bytes *= 2) {
    if (offset >= window_begin_ && offset < window_begin_ + window_.size()) {
      const std::string_view rest = std::string_view(window_).substr(offset - window_begin_);
      const size_t newline = rest.find('\n');
      if (newline != std::string_view::npos) return rest.substr(0, newline);
      if (offset + rest.size() == size()) return std::nullopt;
    }
    if (offset >= size()) return std::nullopt;
    window_begin_ = offset;
    window_.resize(std::min(bytes, size() - offset));
    const absl::Status status = file_->Read(offset, std::as_writable_bytes(std::span(window_)));
    if (!status.ok()) return status;
  }
}

}  // namespace octet

#include "runtime/batch/ordered_output.h"

#include <utility>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr size_t kFlushBytes = size_t{64} << 10;

std::span<const std::byte> View(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

OrderedOutput::OrderedOutput(FileSystem& files, std::unique_ptr<OutputStream> output,
                             std::string spill_stem, size_t most_waiting_bytes)
    : files_(files),
      output_(std::move(output)),
      spill_stem_(std::move(spill_stem)),
      most_waiting_bytes_(most_waiting_bytes) {}

OrderedOutput::~OrderedOutput() {
  if (spill_ != nullptr) files_.Remove(spill_->path()).IgnoreError();
}

absl::Status OrderedOutput::Add(int64_t number, std::string line) {
  OCTET_CHECK(number >= next_ && !waiting_.contains(number)) << number;
  if (number > next_) {
    Waiting& waiting = waiting_[number];
    if (waiting_bytes_ + line.size() > most_waiting_bytes_) {
      return Spill(line, waiting);
    }
    waiting_bytes_ += line.size();
    waiting.line = std::move(line);
    return absl::OkStatus();
  }
  absl::Status status = Append(line);
  while (status.ok() && !waiting_.empty() && waiting_.begin()->first == next_) {
    const Waiting first = std::move(waiting_.extract(waiting_.begin()).mapped());
    waiting_bytes_ -= first.line.size();
    if (first.bytes == 0) {
      status = Append(first.line);
      continue;
    }
    const absl::StatusOr<std::string> read = ReadBack(first);
    status = read.ok() ? Append(*read) : read.status();
  }
  return status;
}

absl::Status OrderedOutput::Append(std::string_view line) {
  ++next_;
  buffer_ += line;
  buffer_ += '\n';
  return buffer_.size() < kFlushBytes ? absl::OkStatus() : Flush();
}

absl::Status OrderedOutput::Flush() {
  if (buffer_.empty()) return absl::OkStatus();
  absl::Status status = output_->Write(View(buffer_));
  buffer_.clear();
  return status;
}

absl::Status OrderedOutput::Spill(std::string_view line, Waiting& waiting) {
  if (spill_ == nullptr) {
    absl::StatusOr<std::unique_ptr<OutputStream>> made = files_.CreateScratch(spill_stem_);
    if (!made.ok()) return made.status();
    spill_ = *std::move(made);
  }
  waiting.offset = spilled_bytes_;
  waiting.bytes = line.size();
  spilled_bytes_ += line.size();
  return spill_->Write(View(line));
}

absl::StatusOr<std::string> OrderedOutput::ReadBack(const Waiting& waiting) {
  const auto file = files_.Open(spill_->path());
  if (!file.ok()) return file.status();
  std::string line(waiting.bytes, '\0');
  const absl::Status status =
      (*file)->Read(waiting.offset, std::as_writable_bytes(std::span(line)));
  if (!status.ok()) return status;
  return line;
}

absl::Status OrderedOutput::Close() {
  OCTET_CHECK(waiting_.empty()) << "line " << next_ << " is missing";
  absl::Status status = Flush();
  if (status.ok()) status = output_->Close();
  if (!status.ok() || spill_ == nullptr) return status;
  status = files_.Remove(spill_->path());
  if (status.ok()) spill_.reset();
  return status;
}

}  // namespace octet

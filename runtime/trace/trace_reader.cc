#include "runtime/trace/trace_reader.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <optional>

#include "runtime/trace/trace_check.h"
#include "runtime/trace/trace_frame.h"

namespace octet {

absl::StatusOr<TraceReader> TraceReader::Open(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(path);
  if (!file.ok()) return file.status();
  return TraceReader(*std::move(file));
}

absl::Status TraceReader::Damaged(const std::string& why) const {
  return absl::DataLossError(absl::StrCat(file_->path(), ": the block at byte ", frame_, " ", why));
}

absl::StatusOr<bool> TraceReader::HasWholeFrameAfter(uint64_t offset) const {
  constexpr int kMostTries = 64;  // a torn block's bytes look like a frame once in 4 GB
  std::string content;
  for (int i = 0; i < kMostTries; ++i) {
    const absl::StatusOr<uint64_t> begin = FindFrame(*file_, offset);
    if (!begin.ok()) return begin.status();
    if (*begin == file_->size()) return false;
    const absl::StatusOr<std::optional<uint64_t>> end = ReadFrame(*file_, *begin, content);
    if (!end.ok()) return end.status();
    if (*end) return true;
    offset = *begin + 1;
  }
  return true;  // or something else that a torn block does not explain
}

// Returns false if there is no further block.
absl::StatusOr<bool> TraceReader::NextBlock() {
  frame_ = next_frame_;
  next_record_ = 0;
  block_.clear();
  if (frame_ == file_->size()) return false;
  const absl::StatusOr<std::optional<uint64_t>> end = ReadFrame(*file_, frame_, block_);
  if (!end.ok()) return end.status();
  if (*end) {
    next_frame_ = **end;
    return true;
  }
  block_.clear();
  const absl::StatusOr<bool> more = HasWholeFrameAfter(frame_ + 1);
  if (!more.ok()) return more.status();
  if (*more) return Damaged("is damaged");
  return false;
}

absl::StatusOr<const TraceRecord*> TraceReader::Next() {
  while (next_record_ == block_.size()) {
    const absl::StatusOr<bool> more = NextBlock();
    if (!more.ok()) return more.status();
    if (!*more) return nullptr;
  }
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t*>(block_.data()) + next_record_,
      static_cast<int>(block_.size() - next_record_));
  uint32_t size = 0;
  if (!stream.ReadVarint32(&size)) return Damaged("has no whole record");
  const size_t begin = next_record_ + stream.CurrentPosition();
  if (size > block_.size() - begin) return Damaged("has no whole record");
  if (!record_.ParseFromArray(block_.data() + begin, static_cast<int>(size))) {
    return Damaged("holds something else than records of routing");
  }
  next_record_ = begin + size;
  const absl::Status status = Use(record_);
  if (!status.ok()) return status;
  return &record_;
}

absl::Status TraceReader::Use(const TraceRecord& record) {
  if (record.has_header()) {
    const std::string wrong = FindFault(record.header());
    if (!wrong.empty()) return Damaged(absl::StrCat("has a header with a wrong ", wrong));
    if (header_.num_layers() > 0 && !HaveSameShape(header_, record.header())) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_->path(), ": has traces of several models"));
    }
    header_ = record.header();
    local_experts_ = CountLocalExperts(header_);
    return absl::OkStatus();
  }
  if (header_.num_layers() == 0) return Damaged("begins without a header");
  const std::string wrong = FindFault(header_, local_experts_, record.step());
  if (wrong.empty()) return absl::OkStatus();
  return Damaged(absl::StrCat("has a step with wrong ", wrong));
}

}  // namespace octet

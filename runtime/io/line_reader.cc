#include "runtime/io/line_reader.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/io/compressed_stream.h"
#include "runtime/io/input_kind.h"

namespace octet {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

// An input that counts the bytes that are read.
class CountedInput : public InputStream {
 public:
  CountedInput(std::unique_ptr<InputStream> base, int64_t& bytes)
      : base_(std::move(base)), bytes_(bytes) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    absl::StatusOr<size_t> n = base_->Read(out);
    if (n.ok()) bytes_ += static_cast<int64_t>(*n);
    return n;
  }
  bool WaitUntilReady(std::chrono::milliseconds patience) override {
    return base_->WaitUntilReady(patience);
  }
  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<InputStream> base_;
  int64_t& bytes_;
};

// Checks that a file can be read. Does not open pipes: that is possible only once.
absl::Status CheckCanBeRead(FileSystem& files, const std::string& path) {
  if (path == "-" || (files.Exists(path) && !files.IsFile(path) && !files.IsDirectory(path))) {
    return absl::OkStatus();
  }
  return files.OpenInput(path).status();
}

}  // namespace

absl::StatusOr<LineReader> LineReader::Open(FileSystem& files, std::vector<std::string> paths) {
  LineReader reader(files, std::move(paths));
  reader.buffer_.resize(kReadBytes);
  bool sizes_known = true;
  for (const std::string& path : reader.paths_) {
    const absl::Status status = CheckCanBeRead(files, path);
    if (!status.ok()) return status;
    sizes_known = sizes_known && path != "-" && files.IsFile(path);
    if (!sizes_known) continue;
    const auto file = files.Open(path);
    if (!file.ok()) return file.status();
    reader.total_stored_bytes_ += static_cast<int64_t>((*file)->size());
  }
  if (!sizes_known) reader.total_stored_bytes_ = 0;
  return reader;
}

absl::StatusOr<LineReader::Result> LineReader::Next(std::string& line,
                                                    std::chrono::milliseconds patience) {
  while (true) {
    if (begin_ == end_) {
      const absl::StatusOr<Filled> filled = Fill(patience);
      if (!filled.ok()) return filled.status();
      if (*filled == Filled::kNotYet) return Result::kNotYet;
      if (*filled == Filled::kEndOfFile && line_begun_) break;  // it ends its last line
      if (*filled == Filled::kEndOfAll) return Result::kEnd;
      if (*filled == Filled::kEndOfFile) continue;
    }
    const auto* bytes = reinterpret_cast<const char*>(buffer_.data()) + begin_;
    const size_t available = end_ - begin_;
    const auto* newline = static_cast<const char*>(std::memchr(bytes, '\n', available));
    const size_t taken = newline != nullptr ? newline - bytes : available;
    line_begun_ = true;
    too_long_ = too_long_ || line_.size() + taken > kMaxLineBytes;
    if (too_long_) {
      line_.clear();
    } else {
      line_.append(bytes, taken);
    }
    begin_ += taken + (newline != nullptr ? 1 : 0);
    if (newline != nullptr) break;
  }
  ++lines_;
  line.swap(line_);
  line_.clear();
  line_begun_ = false;
  return std::exchange(too_long_, false) ? Result::kTooLong : Result::kLine;
}

absl::StatusOr<LineReader::Filled> LineReader::Fill(std::chrono::milliseconds patience) {
  if (input_ == nullptr) {
    if (next_path_ == paths_.size()) return Filled::kEndOfAll;
    absl::StatusOr<std::unique_ptr<InputStream>> file = files_->OpenInput(paths_[next_path_++]);
    if (!file.ok()) return file.status();
    input_ = Decompressed(std::make_unique<CountedInput>(*std::move(file), *stored_bytes_));
    is_silent_ = true;
    file_begins_ = true;
  }
  if (!input_->WaitUntilReady(patience)) return Filled::kNotYet;
  const absl::StatusOr<size_t> n = input_->Read(buffer_);
  if (!n.ok()) return n.status();
  is_silent_ = false;
  begin_ = 0;
  end_ = *n;
  bytes_ += static_cast<int64_t>(*n);
  if (*n > 0 && std::exchange(file_begins_, false)) {
    const absl::Status status = BeginFile();
    if (!status.ok()) return status;
  }
  if (*n > 0) return Filled::kBytes;
  input_.reset();
  return Filled::kEndOfFile;
}

// Checks the beginning of the file.
absl::Status LineReader::BeginFile() {
  const std::string_view start(reinterpret_cast<const char*>(buffer_.data()), end_);
  const std::string why = WhyNotJsonLines(start);
  if (!why.empty()) return absl::InvalidArgumentError(absl::StrCat(input_->path(), " ", why));
  if (start.starts_with(kUtf8Mark)) begin_ = kUtf8Mark.size();
  return absl::OkStatus();
}

absl::Status LineReader::Peek(std::chrono::milliseconds patience) {
  if (input_ != nullptr || next_path_ > 0) return absl::OkStatus();
  return Fill(patience).status();
}

int64_t LineReader::EstimatedLines() const {
  const auto taken = static_cast<double>(bytes_ - static_cast<int64_t>(end_ - begin_));
  if (total_stored_bytes_ == 0 || taken <= 0) return 0;
  const double stored_taken =
      static_cast<double>(*stored_bytes_) * taken / static_cast<double>(bytes_);
  const double share = stored_taken / static_cast<double>(total_stored_bytes_);
  return std::max<int64_t>(lines_, std::llround(static_cast<double>(lines_) / share));
}

}  // namespace octet

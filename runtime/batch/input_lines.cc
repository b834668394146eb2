#include "runtime/batch/input_lines.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include "runtime/io/line_reader.h"

namespace octet {

bool IsBlankLine(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

uint64_t HashOfLine(std::string_view line) { return XXH3_64bits(line.data(), line.size()); }

uint64_t AddToHash(uint64_t hash_so_far, uint64_t line_hash) {
  const std::array<uint64_t, 2> both = {hash_so_far, line_hash};
  return XXH3_64bits(both.data(), sizeof(both));
}

absl::StatusOr<uint64_t> HashOfLines(FileSystem& files, const std::vector<std::string>& inputs,
                                     const std::function<void()>& advance) {
  constexpr int64_t kLinesPerAdvance = 1000;
  absl::StatusOr<LineReader> reader = LineReader::Open(files, inputs);
  if (!reader.ok()) return reader.status();
  uint64_t hash = 0;
  std::string line;
  for (int64_t i = 0;; ++i) {
    const absl::StatusOr<LineReader::Result> read = reader->Next(line);
    if (!read.ok()) return read.status();
    if (*read == LineReader::Result::kEnd) return hash;
    if (i % kLinesPerAdvance == 0) advance();
    if (*read == LineReader::Result::kLine && IsBlankLine(line)) continue;
    hash = AddToHash(hash, HashOfLine(line));
  }
}

absl::StatusOr<int64_t> EstimateLines(FileSystem& files, const std::vector<std::string>& inputs) {
  constexpr uint64_t kHeadBytes = uint64_t{64} << 10;
  int64_t lines = 0;
  for (const std::string& input : inputs) {
    const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(input);
    if (!file.ok()) return file.status();
    std::string head(std::min((*file)->size(), kHeadBytes), '\0');
    const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(head)));
    if (!status.ok()) return status;
    if (head.empty()) continue;
    if (head.find_first_of("{ \t\r\n") != 0) return 0;
    const auto newlines = std::max<int64_t>(1, std::count(head.begin(), head.end(), '\n'));
    lines +=
        static_cast<int64_t>(static_cast<double>(newlines) * static_cast<double>((*file)->size()) /
                             static_cast<double>(head.size()));
  }
  return lines;
}

}  // namespace octet

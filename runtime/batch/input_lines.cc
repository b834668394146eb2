#include "runtime/batch/input_lines.h"

#include <absl/functional/function_ref.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/io/line_reader.h"

namespace octet {
namespace {

// Counts the newlines after lines that are not blank.
int64_t CountEnds(std::string_view text) {
  int64_t ends = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    ends += text[i] == '\n' && !IsBlankLine(text.substr(i - 1, 1)) && text[i - 1] != '\n' ? 1 : 0;
  }
  return ends;
}

// Visits the lines that have results.
absl::Status VisitLines(FileSystem& files, const std::vector<std::string>& inputs,
                        const std::function<void()>& advance,
                        absl::FunctionRef<void(std::string_view)> visit) {
  constexpr int64_t kLinesPerAdvance = 1000;
  absl::StatusOr<LineReader> reader = LineReader::Open(files, inputs);
  if (!reader.ok()) return reader.status();
  std::string line;
  for (int64_t i = 0;; ++i) {
    const absl::StatusOr<LineReader::Result> read = reader->Next(line);
    if (!read.ok()) return read.status();
    if (*read == LineReader::Result::kEnd) return absl::OkStatus();
    if (i % kLinesPerAdvance == 0) advance();
    if (*read == LineReader::Result::kLine && IsBlankLine(line)) continue;
    visit(line);
  }
}

}  // namespace

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
  uint64_t hash = 0;
  const absl::Status status = VisitLines(files, inputs, advance, [&](std::string_view line) {
    hash = AddToHash(hash, HashOfLine(line));
  });
  if (!status.ok()) return status;
  return hash;
}

absl::StatusOr<int64_t> CountLines(FileSystem& files, const std::vector<std::string>& inputs,
                                   const std::function<void()>& advance) {
  int64_t lines = 0;
  const absl::Status status =
      VisitLines(files, inputs, advance, [&](std::string_view /*line*/) { ++lines; });
  if (!status.ok()) return status;
  return lines;
}

absl::StatusOr<int64_t> EstimateLines(FileSystem& files, const std::vector<std::string>& inputs) {
  constexpr uint64_t kSampleBytes = uint64_t{16} << 10;
  constexpr uint64_t kNumSamples = 8;  // spread over the file: lines may be longer at its end
  int64_t lines = 0;
  for (const std::string& input : inputs) {
    const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(input);
    if (!file.ok()) return file.status();
    const uint64_t size = (*file)->size();
    if (size == 0) continue;
    const uint64_t step = std::max(kSampleBytes, size / kNumSamples);
    std::string sample;
    uint64_t sampled = 0;
    int64_t ends = 0;
    for (uint64_t at = 0; at < size; at += step) {
      sample.resize(std::min(kSampleBytes, size - at));
      const absl::Status status = (*file)->Read(at, std::as_writable_bytes(std::span(sample)));
      if (!status.ok()) return status;
      if (at == 0 && sample.find_first_of("{ \t\r\n") != 0) return 0;
      ends += CountEnds(sample);
      sampled += sample.size();
    }
    lines +=
        std::max<int64_t>(1, std::llround(static_cast<double>(ends) * static_cast<double>(size) /
                                          static_cast<double>(sampled)));
  }
  return lines;
}

}  // namespace octet

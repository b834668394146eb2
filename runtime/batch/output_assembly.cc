#include "runtime/batch/output_assembly.h"

#include <absl/strings/str_cat.h>

#include <optional>
#include <utility>
#include <vector>

#include "kernels/base/check.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/journal_reader.h"

namespace octet {
namespace {

constexpr size_t kAssembledBytes = size_t{1} << 20;

// `reader` is opened when it is needed.
absl::StatusOr<BatchResult> ReadResultAt(FileSystem& files, const std::string& path,
                                         uint64_t offset, int64_t number,
                                         std::optional<JournalReader>& reader) {
  if (!reader) {
    absl::StatusOr<JournalReader> opened = JournalReader::Open(files, path);
    if (!opened.ok()) return opened.status();
    reader = *std::move(opened);
    const absl::Status header = reader->Read(0).status();
    if (!header.ok()) return header;
  }
  absl::StatusOr<std::optional<JournalRecord>> record = reader->Read(offset);
  if (!record.ok()) return record.status();
  if (*record && (*record)->result.number == number) return std::move((*record)->result);
  return absl::DataLossError(
      absl::StrCat(path, ": the record at byte ", offset, " was damaged since it was written"));
}

}  // namespace

void ResultHashes::Add(const BatchResult& result) {
  lines = AddToHash(lines, result.line_hash);
  if (!result.answered) return;
  answered = AddToHash(AddToHash(answered, static_cast<uint64_t>(result.number)), result.line_hash);
}

absl::StatusOr<ResultHashes> WriteInOrder(FileSystem& files, const std::string& directory,
                                          const JournalIndex& index, int64_t num_results,
                                          const std::function<void()>& advance,
                                          OutputStream& output) {
  std::vector<std::optional<JournalReader>> readers(index.parts().size());
  std::string buffer;
  ResultHashes hashes;
  for (int64_t number = 0; number < num_results; ++number) {
    const std::optional<JournalIndex::Place> place = index.Find(number);
    OCTET_CHECK(place) << "result " << number << " is missing";
    const absl::StatusOr<BatchResult> result =
        ReadResultAt(files, JoinPath(directory, index.parts()[place->part]), place->offset, number,
                     readers[place->part]);
    if (!result.ok()) return result.status();
    hashes.Add(*result);
    buffer += result->text;
    buffer += '\n';
    if (buffer.size() < kAssembledBytes && number + 1 < num_results) continue;
    const absl::Status status = output.Write(std::as_bytes(std::span(buffer)));
    if (!status.ok()) return status;
    buffer.clear();
    advance();
  }
  return hashes;
}

}  // namespace octet

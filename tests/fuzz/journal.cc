#include "runtime/batch/journal.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <xxhash.h>

#include "kernels/base/check.h"
#include "runtime/batch/journal_record.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr char kPart[] = "out.journal/part-000001";
constexpr int64_t kResults = 100;

// Each line behind its checksum, which no mutation would find.
std::string Sealed(const std::string& lines) {
  std::string part;
  uint64_t seed = 0;
  for (const absl::string_view body : absl::StrSplit(lines, '\n')) {
    const uint64_t checksum = XXH3_64bits_withSeed(body.data(), body.size(), seed);
    const std::string line = absl::StrCat(absl::Hex(checksum, absl::kZeroPad16), " ", body);
    if (part.empty()) seed = SeedFromHeader(line);
    absl::StrAppend(&part, line, "\n");
  }
  return part;
}

void CheckRecords(FileSystem& files) {
  auto reader = JournalReader::Open(files, kPart);
  OCTET_CHECK(reader.ok()) << reader.status();
  for (uint64_t at = 0; at < reader->size();) {
    const auto record = reader->Read(at);
    OCTET_CHECK(record.ok()) << record.status();
    const uint64_t next = *record ? reader->next() : reader->Skip(at).value();
    OCTET_CHECK(next > at && next <= reader->size()) << at << " " << next;
    at = next;
    if (!*record) continue;
    std::string line = FormatRecord(**record, 7);
    line.pop_back();
    const auto again = ParseRecord(line, 7);
    OCTET_CHECK(again && again->kind == (*record)->kind && again->numbers == (*record)->numbers &&
                again->result.number == (*record)->result.number &&
                again->result.text == (*record)->result.text)
        << line;
  }
}

void CheckLook(FileSystem& files) {
  std::vector<std::string> notes;
  const JournalOptions options = {.mode = StartMode::kResume, .expected_results = kResults};
  const auto journal = Journal::Look(files, "out", {}, options, notes);
  for (const std::string& note : notes) CheckMessage(note);
  if (!journal.ok()) return CheckError(journal.status());
  for (int64_t number = 0; number < kResults; ++number) {
    (*journal)->Find(number);
    (*journal)->FaultsOf(number);
  }
}

}  // namespace

void JournalPart(const std::string& bytes) {
  const std::vector<std::string> texts = SplitTexts(bytes, 3);  // a part, a crash, a finished job
  MemoryFileSystem files;
  if (texts.size() > 1) files.files["out.journal/part-000001.crash"] = texts[1];
  if (texts.size() > 2) {
    files.files["out.journal/finished"] = texts[2];
    files.files["out"] = "x";
  }
  for (const std::string& part : {texts[0], Sealed(texts[0])}) {
    files.files[kPart] = part;
    CheckRecords(files);
    CheckLook(files);
  }
}

}  // namespace octet::fuzz

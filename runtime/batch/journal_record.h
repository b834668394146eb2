// The lines of a journal.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_RECORD_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

// The result of one line of a batch's input.
struct BatchResult {
  int64_t number = 0;      // of the result, from 0: that of the line without empty ones
  bool answered = false;   // otherwise it says what is wrong with the request
  uint64_t line_hash = 0;  // of the line of the input
  std::optional<uint64_t> custom_id_hash;  // none: the line has none that can be read
  std::string text;                        // the line of the output
};

// One line of text each, so that a journal can be read without this program:
//   CHECKSUM header TEXT          what the attempt is, as a proto; the first record
//   CHECKSUM started NUMBER ...   these requests are computed from now on
//   CHECKSUM answer|error NUMBER LINE_HASH CUSTOM_ID_HASH|- TEXT
//   CHECKSUM ended TEXT           why the attempt ended, where it could say so
// The checksum is XXH3 of what follows it, in 16 hexadecimal digits, seeded with that of the
// header: what lies on a disk from another file is no record.
struct JournalRecord {
  enum class Kind { kHeader, kStarted, kResult, kEnded };
  Kind kind = Kind::kEnded;
  std::vector<int64_t> numbers;  // started
  BatchResult result;
  std::string text;  // of a header or an end, without newlines
};

// With a newline at the end. `seed` is 0 for the header.
std::string FormatRecord(const JournalRecord& record, uint64_t seed);
std::string FormatResultRecord(const BatchResult& result, uint64_t seed);

// None where the line, given without its newline, is not a whole record.
std::optional<JournalRecord> ParseRecord(std::string_view line, uint64_t seed);

// Where in a line that is no record, and whose newlines may be damaged, a whole record begins that
// ends it; never at 0. Tries few places.
std::optional<size_t> FindRecord(std::string_view line, uint64_t seed);

// The seed of the records that follow this one.
uint64_t SeedFromHeader(std::string_view line);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_RECORD_H_

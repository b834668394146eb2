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
  int64_t number = 0;      // of the result, from 0: the index of the line without empty ones
  bool answered = false;   // otherwise `text` says what is wrong with the request
  uint64_t line_hash = 0;  // of the line of the input
  std::optional<uint64_t> custom_id_hash;  // nullopt if the line has no readable one
  std::string text;                        // the line of the output
};

// A record of a journal. Each is one line of text, so people can read a journal without octet:
//   CHECKSUM header TEXT          describes the attempt, as a proto; the first record
//   CHECKSUM started NUMBER ...   these requests are computed from now on
//   CHECKSUM answer|error NUMBER LINE_HASH CUSTOM_ID_HASH|- TEXT
//   CHECKSUM ended TEXT           why the attempt ended, if it could say so
// The checksum is the XXH3 of what follows it, in 16 hexadecimal digits. Its seed is the header's
// checksum, so that bytes of another file on the disk are never a record.
struct JournalRecord {
  enum class Kind { kHeader, kStarted, kResult, kEnded };
  Kind kind = Kind::kEnded;
  std::vector<int64_t> numbers;  // started
  BatchResult result;
  std::string text;  // of a header or an ending, without newlines
};

// The reason of an ending after all results; then the output is put in order.
inline constexpr char kAllResults[] = "done";

// Returns a line with a newline at its end. `seed` is 0 for the header.
std::string FormatRecord(const JournalRecord& record, uint64_t seed);
std::string FormatResultRecord(const BatchResult& result, uint64_t seed);

// Returns nullopt if the line, given without its newline, is not a whole record.
std::optional<JournalRecord> ParseRecord(std::string_view line, uint64_t seed);

// Returns where a whole record begins that ends the line, never 0. The line is no record itself:
// newlines in it may be damaged. Tries few places.
std::optional<size_t> FindRecord(std::string_view line, uint64_t seed);

// Returns the seed of the records that follow the header `line`.
uint64_t SeedFromHeader(std::string_view line);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_RECORD_H_

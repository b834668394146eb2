#include "runtime/batch/journal_record.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <xxhash.h>

#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

constexpr size_t kHashDigits = 16;

std::optional<uint64_t> ParseHex(std::string_view text) {
  if (text.size() != kHashDigits) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &value) || value < 0) {
    return std::nullopt;
  }
  return value;
}

// Returns the text before the next space, and removes both from `text`.
std::string_view TakeWord(std::string_view& text) {
  const size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return word;
}

std::string WithChecksum(std::string_view body, uint64_t seed) {
  std::string line = ToHex(XXH3_64bits_withSeed(body.data(), body.size(), seed));
  line.reserve(line.size() + body.size() + 2);
  line += ' ';
  line += body;
  line += '\n';
  return line;
}

bool ParseStarted(std::string_view body, JournalRecord& record) {
  record.kind = JournalRecord::Kind::kStarted;
  while (!body.empty()) {
    const std::optional<int64_t> number = ParseNumber(TakeWord(body));
    if (!number) return false;
    record.numbers.push_back(*number);
  }
  return true;
}

bool ParseResult(std::string_view body, JournalRecord& record) {
  record.kind = JournalRecord::Kind::kResult;
  BatchResult& result = record.result;
  const std::optional<int64_t> number = ParseNumber(TakeWord(body));
  const std::optional<uint64_t> line_hash = ParseHex(TakeWord(body));
  const std::string_view id = TakeWord(body);
  if (!number || !line_hash) return false;
  result.number = *number;
  result.line_hash = *line_hash;
  if (id != "-") {
    result.custom_id_hash = ParseHex(id);
    if (!result.custom_id_hash) return false;
  }
  result.text = body;
  return true;
}

// Returns whether the text begins like a record that follows a header.
bool IsKind(std::string_view text) {
  const std::string_view word = TakeWord(text);
  return word == "started" || word == "answer" || word == "error" || word == "ended";
}

bool ParseBody(std::string_view body, JournalRecord& record) {
  const std::string_view kind = TakeWord(body);
  if (kind == "started") return ParseStarted(body, record);
  record.result.answered = kind == "answer";
  if (kind == "answer" || kind == "error") return ParseResult(body, record);
  record.kind = kind == "header" ? JournalRecord::Kind::kHeader : JournalRecord::Kind::kEnded;
  record.text = body;
  return kind == "header" || kind == "ended";
}

}  // namespace

std::string FormatResultRecord(const BatchResult& result, uint64_t seed) {
  return WithChecksum(
      absl::StrCat(result.answered ? "answer " : "error ", result.number, " ",
                   ToHex(result.line_hash), " ",
                   result.custom_id_hash ? ToHex(*result.custom_id_hash) : "-", " ", result.text),
      seed);
}

std::string FormatRecord(const JournalRecord& record, uint64_t seed) {
  switch (record.kind) {
    case JournalRecord::Kind::kResult:
      return FormatResultRecord(record.result, seed);
    case JournalRecord::Kind::kHeader:
      return WithChecksum(absl::StrCat("header ", record.text), seed);
    case JournalRecord::Kind::kEnded:
      return WithChecksum(absl::StrCat("ended ", record.text), seed);
    case JournalRecord::Kind::kStarted:
      break;
  }
  std::string body = "started";
  for (const int64_t number : record.numbers) absl::StrAppend(&body, " ", number);
  return WithChecksum(body, seed);
}

std::optional<JournalRecord> ParseRecord(std::string_view line, uint64_t seed) {
  const std::optional<uint64_t> checksum = ParseHex(TakeWord(line));
  if (!checksum || *checksum != XXH3_64bits_withSeed(line.data(), line.size(), seed)) {
    return std::nullopt;
  }
  JournalRecord record;
  if (!ParseBody(line, record)) return std::nullopt;
  return record;
}

std::optional<size_t> FindRecord(std::string_view line, uint64_t seed) {
  constexpr int kMostTries = 16;  // a text may contain much that looks like a record
  int tries = 0;
  for (size_t space = line.find(' ', kHashDigits + 1);
       space != std::string_view::npos && tries < kMostTries; space = line.find(' ', space + 1)) {
    const size_t begin = space - kHashDigits;
    if (!ParseHex(line.substr(begin, kHashDigits)) || !IsKind(line.substr(space + 1))) continue;
    ++tries;
    if (ParseRecord(line.substr(begin), seed)) return begin;
  }
  return std::nullopt;
}

uint64_t SeedFromHeader(std::string_view line) { return XXH3_64bits(line.data(), line.size()); }

}  // namespace octet

#include "runtime/batch/journal_files.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr char kPart[] = "part-";
constexpr char kOutput[] = "output-";
constexpr char kWaiting[] = "waiting-";
constexpr char kCrash[] = ".crash";
constexpr char kNew[] = "finished.new.";
constexpr size_t kFewestDigits = 6;  // so that names sort by number
constexpr size_t kMostDigits = 9;

// The beginning of a part; x stands for a hexadecimal digit.
constexpr std::string_view kPartForm = "xxxxxxxxxxxxxxxx header ";
constexpr std::string_view kFinishedForm = "job ";
constexpr std::string_view kLockForm = "process ";
constexpr int kMostDamaged = 2;

std::string Numbered(const char* kind, int attempt) {
  return absl::StrCat(kind, absl::Dec(attempt, absl::kZeroPad6));
}

bool IsHexDigit(char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); }

std::optional<int> NumberAfter(std::string_view prefix, std::string_view name) {
  if (name.substr(0, prefix.size()) != prefix) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (name.size() < kFewestDigits || name.size() > kMostDigits) return std::nullopt;
  int number = 0;
  for (const char c : name) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// After a loss of power, a file may be cut short, or have zeros instead of what was written.
bool HasForm(std::string_view head, std::string_view form) {
  int damaged = 0;
  for (size_t i = 0; i < std::min(head.size(), form.size()); ++i) {
    const bool fits = form[i] == 'x' ? IsHexDigit(head[i]) : head[i] == form[i];
    if (!fits && head[i] != '\0') ++damaged;
  }
  return damaged <= kMostDamaged;
}

std::string_view FormOf(JournalFile kind) {
  switch (kind) {
    case JournalFile::kPart:
      return kPartForm;
    case JournalFile::kFinished:
      return kFinishedForm;
    case JournalFile::kLock:
      return kLockForm;
    default:
      return "";
  }
}

}  // namespace

JournalFile KindOfName(const std::string& name) {
  if (name == kLockName) return JournalFile::kLock;
  if (name == kFinishedName) return JournalFile::kFinished;
  if (absl::StartsWith(name, kNew)) return JournalFile::kNew;
  if (NumberAfter(kPart, name)) return JournalFile::kPart;
  if (NumberAfter(kOutput, name)) return JournalFile::kOutput;
  if (NumberAfter(kWaiting, name.substr(0, name.find('.')))) return JournalFile::kWaiting;
  if (absl::EndsWith(name, kCrash) &&
      NumberAfter(kPart, name.substr(0, name.size() - sizeof(kCrash) + 1))) {
    return JournalFile::kCrash;
  }
  return JournalFile::kForeign;
}

absl::StatusOr<JournalFile> KindOfFile(FileSystem& files, const std::string& path) {
  const JournalFile kind = KindOfName(std::filesystem::path(path).filename().string());
  if (kind == JournalFile::kForeign || !files.IsFile(path)) return JournalFile::kForeign;
  const std::string_view form = FormOf(kind);
  if (form.empty()) return kind;
  const auto file = files.Open(path);
  if (!file.ok()) return file.status();
  std::string head(std::min<uint64_t>((*file)->size(), form.size()), '\0');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(head)));
  if (!status.ok()) return status;
  return HasForm(head, form) ? kind : JournalFile::kForeign;
}

std::string PartName(int attempt) { return Numbered(kPart, attempt); }
std::string CrashName(const std::string& part) { return part + kCrash; }
std::string OutputName(int attempt) { return Numbered(kOutput, attempt); }
std::string WaitingName(int attempt) { return Numbered(kWaiting, attempt); }

int AttemptOf(const std::string& part) { return NumberAfter(kPart, part).value_or(0); }

std::string TextInOneLine(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  OCTET_CHECK(printer.PrintToString(message, &text));
  return text;
}

int NextAttempt(const std::vector<std::string>& names) {
  int last = 0;
  for (const std::string& name : names) {
    for (const char* kind : {kPart, kOutput, kWaiting}) {
      last = std::max(last, NumberAfter(kind, name).value_or(0));
    }
  }
  return last + 1;
}

}  // namespace octet

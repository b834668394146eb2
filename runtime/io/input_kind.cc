#include "runtime/io/input_kind.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <span>

namespace octet {
namespace {

// The bytes, at an offset, that all files of a kind have.
struct Signature {
  size_t offset;
  std::string_view bytes;
  const char* kind;
};

constexpr char kNeedsUtf8[] = "; lines must be UTF-8: ";

using namespace std::string_view_literals;

// The kinds that one command decompresses.
constexpr std::array kCompressed = {
    Signature{0, "BZh"sv, "compressed by bzip2; decompress it first: bzip2 -dc"},
    Signature{0, "\xFD\x37zXZ\0"sv, "compressed by xz; decompress it first: xz -dc"},
    Signature{0, "\x5D\0\0"sv, "compressed by lzma; decompress it first: xz -dc"},
    Signature{0, "LZIP"sv, "compressed by lzip; decompress it first: lzip -dc"},
    Signature{0, "\x04\x22\x4D\x18"sv, "compressed by lz4; decompress it first: lz4 -dc"},
    Signature{0, "\x02\x21\x4C\x18"sv, "compressed by lz4; decompress it first: lz4 -dc"},
    Signature{0, "\xFF\x06\0\0sNaPpY"sv, "compressed by snappy; decompress it first"},
    Signature{0, "\x1F\x9D"sv, "compressed by compress; decompress it first: zcat"},
    Signature{0, "\x1F\xA0"sv, "compressed by compress; decompress it first: zcat"},
    Signature{0, "\x89LZO\0"sv, "compressed by lzop; decompress it first: lzop -dc"},
};

constexpr std::array kArchives = {
    Signature{0, "PK\x03\x04"sv, "a zip archive; take the file of lines out of it first: unzip -p"},
    Signature{0, "PK\x05\x06"sv, "an empty zip archive"},
    Signature{0, "PK\x07\x08"sv, "a zip archive; take the file of lines out of it first: unzip -p"},
    Signature{0, "7z\xBC\xAF\x27\x1C"sv,
              "a 7-Zip archive; take the file of lines out of it first: 7z e"},
    Signature{0, "Rar!\x1A\x07"sv, "a RAR archive; take the file of lines out of it first"},
    Signature{257, "ustar"sv, "a tar archive; take the file of lines out of it first: tar -xOf"},
};

constexpr std::array kDocuments = {
    Signature{0, "%PDF-"sv, "a PDF document"},
    Signature{0, "PAR1"sv, "a Parquet file; write its rows as JSON lines first"},
    Signature{0, "ARROW1"sv, "an Arrow file; write its rows as JSON lines first"},
    Signature{0, "Obj\x01"sv, "an Avro file; write its rows as JSON lines first"},
    Signature{0, "ORC"sv, "an ORC file; write its rows as JSON lines first"},
    Signature{0, "\x89HDF\r\n\x1A\n"sv, "an HDF5 file; write its rows as JSON lines first"},
    Signature{0, "SQLite format 3\0"sv, "an SQLite database; write its rows as JSON lines first"},
    Signature{0, "\xD0\xCF\x11\xE0"sv, "an old Office document"},
    Signature{0, "GGUF"sv, "a GGUF model"},
    Signature{0, "\x80\x02"sv, "a Python pickle; write its items as JSON lines first"},
    Signature{0, "\x80\x03"sv, "a Python pickle; write its items as JSON lines first"},
    Signature{0, "\x80\x04"sv, "a Python pickle; write its items as JSON lines first"},
    Signature{0, "\x80\x05"sv, "a Python pickle; write its items as JSON lines first"},
    Signature{0,
              "\x7F"
              "ELF"sv,
              "a program"},
    Signature{0, "\x89PNG"sv, "a picture"},
    Signature{0, "\xFF\xD8\xFF"sv, "a picture"},
};

std::string OfSignature(std::string_view start, std::span<const Signature> signatures) {
  for (const Signature& s : signatures) {
    if (start.size() >= s.offset && start.substr(s.offset).starts_with(s.bytes)) {
      return absl::StrCat("is ", s.kind);
    }
  }
  return "";
}

// Detects UTF-16 and UTF-32, also without a mark: every other byte of the beginning of JSON is 0.
std::string_view WideEncoding(std::string_view start) {
  if (start.starts_with("\xFF\xFE\0\0"sv)) return "UTF-32";
  if (start.starts_with("\0\0\xFE\xFF"sv)) return "UTF-32";
  if (start.starts_with("\xFF\xFE"sv) || start.starts_with("\xFE\xFF"sv)) return "UTF-16";
  if (start.size() < 4) return "";
  const auto zero = [&](size_t i) { return start[i] == '\0'; };
  if (!zero(0) && zero(1) && zero(2) && zero(3)) return "UTF-32LE";
  if (zero(0) && zero(1) && zero(2) && !zero(3)) return "UTF-32BE";
  if (!zero(0) && zero(1) && !zero(2) && zero(3)) return "UTF-16LE";
  if (zero(0) && !zero(1) && zero(2) && !zero(3)) return "UTF-16BE";
  return "";
}

constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// Removes lines from the text up to the next one that is not blank, and returns that one, trimmed;
// empty if there is none.
std::string_view TakeLine(std::string_view& text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty()) return line;
  }
  return "";
}

// Returns whether it is an array of objects, on one or several lines. A list of other things may be
// a single bad line.
bool IsArray(std::string_view text) {
  const std::string_view inside = Trimmed(text.substr(1));
  return inside.empty() || inside.starts_with('{') || inside.starts_with('[');
}

// Returns whether it is an object over several lines: the first line opens it without closing it,
// and the next line continues it.
bool IsPrettyPrinted(std::string_view text) {
  const bool has_whole_line = text.find('\n') != std::string_view::npos;
  const std::string_view first = TakeLine(text);
  if (first == "{") return has_whole_line;
  const std::string_view next = TakeLine(text);
  const bool is_open = first.ends_with(',') || first.ends_with('{') || first.ends_with('[');
  return first.starts_with('{') && is_open && (next.starts_with('"') || next.starts_with('}'));
}

std::string_view WithoutMark(std::string_view text) {
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  return text;
}

}  // namespace

std::string WhyNotJsonLines(std::string_view start) {
  start = start.substr(0, kInputKindBytes);
  if (const std::string_view encoding = WideEncoding(start); !encoding.empty()) {
    return absl::StrCat("is ", std::string(encoding), kNeedsUtf8, "iconv -f ",
                        std::string(encoding), " -t UTF-8");
  }
  for (const std::span<const Signature> signatures :
       {std::span<const Signature>(kCompressed), std::span<const Signature>(kArchives),
        std::span<const Signature>(kDocuments)}) {
    std::string kind = OfSignature(start, signatures);
    if (!kind.empty()) return kind;
  }
  std::string_view text = WithoutMark(start);
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  if (text.empty()) return "";
  if (text.starts_with('[') && IsArray(text)) {
    return "is one JSON array, not one object a line; make lines of it: jq -c '.[]'";
  }
  if (IsPrettyPrinted(text)) {
    return "has JSON objects over several lines; put each on one line: jq -c .";
  }
  if (text.find('\n') == std::string_view::npos && text.find("\r{") != std::string_view::npos) {
    return R"(has lines that end with CR alone; make them end with LF: tr '\r' '\n')";
  }
  return "";
}

bool MayHaveJsonLines(std::string_view start) {
  std::string_view text = WithoutMark(start);
  bool has_line = false;
  for (auto line = TakeLine(text); !line.empty(); line = TakeLine(text)) {
    if (line.starts_with('{')) return true;
    has_line = true;
  }
  return !has_line;
}

}  // namespace octet

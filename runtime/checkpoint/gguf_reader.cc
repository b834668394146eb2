#include "runtime/checkpoint/gguf_reader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace octet {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t kPieceBytes = uint64_t{64} << 10;

// A vocabulary of 250,000 tokens with its merges takes about 20 MB.
constexpr uint64_t kMostHeaderBytes = uint64_t{256} << 20;

}  // namespace

absl::Status InvalidGguf(const std::string& where, const std::string& rule) {
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": ", rule, "; download the file again, or convert the model to GGUF anew"));
}

void GgufReader::Fail(const std::string& rule) {
  if (!ok()) return;
  status_ = InvalidGguf(absl::StrCat(file_.path(), ": ", place_), rule);
}

bool GgufReader::HasElements(uint64_t count, uint64_t least_bytes, const char* field) {
  if (!ok()) return false;
  const auto fits = [&](uint64_t end) { return count <= (end - offset_) / least_bytes; };
  const std::string what = count == 1 || least_bytes == 1
                               ? absl::StrCat(field, " of ", count * least_bytes, " bytes")
                               : absl::StrCat(field, " of ", count, " elements");
  if (!fits(file_.size())) {
    Fail(absl::StrCat("its ", what, " at byte ", offset_, " does not fit in the file of ",
                      file_.size(), " bytes: the file is cut short or damaged"));
  } else if (!fits(std::min(file_.size(), kMostHeaderBytes))) {
    Fail(absl::StrCat("its ", what, " at byte ", offset_, " ends after byte ", kMostHeaderBytes,
                      ", the most that Octet reads as a header"));
  }
  return ok();
}

void GgufReader::Fill(std::span<std::byte> out) {
  while (!out.empty() && ok()) {
    const bool is_in_piece = offset_ >= piece_offset_ && offset_ < piece_offset_ + piece_.size();
    if (!is_in_piece) {
      piece_offset_ = offset_;
      piece_.resize(std::min(kPieceBytes, file_.size() - offset_));
      status_ = file_.Read(offset_, piece_);
      if (!ok()) break;
    }
    const uint64_t begin = offset_ - piece_offset_;
    const size_t bytes = std::min<uint64_t>(out.size(), piece_.size() - begin);
    std::memcpy(out.data(), &piece_[begin], bytes);
    out = out.subspan(bytes);
    offset_ += bytes;
  }
  if (!ok()) std::fill(out.begin(), out.end(), std::byte{0});
}

std::string GgufReader::String(const char* field) {
  const auto length = Number<uint64_t>("string length");
  if (length == 0 || !HasElements(length, 1, field)) return "";
  std::string text(length, '\0');
  Fill(std::as_writable_bytes(std::span(text)));
  return text;
}

bool GgufReader::Bool(const char* field) {
  const auto value = Number<uint8_t>(field);
  if (value > 1)
    Fail(absl::StrCat("its ", field, " is a bool of ", static_cast<int>(value), ", not 0 or 1"));
  return value == 1;
}

}  // namespace octet

#ifndef OCTET_RUNTIME_IO_FINGERPRINT_H_
#define OCTET_RUNTIME_IO_FINGERPRINT_H_

#include <absl/strings/str_cat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace octet {

// Returns 16 hexadecimal digits.
inline std::string ToHex(uint64_t value) {
  return absl::StrCat(absl::Hex(value, absl::kZeroPad16));
}

// A 64-bit FNV-1a hash (offset basis and prime from the reference,
// http://www.isthe.com/chongo/tech/comp/fnv). It is the same on every machine and in every build.
// It detects differences, but does not protect against attacks.
class Fingerprint {
 public:
  void Add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) {
      value_ = (value_ ^ static_cast<uint64_t>(b)) * 0x100000001b3U;
    }
  }
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text))); }
  void Add(uint64_t number) { Add(std::as_bytes(std::span(&number, 1))); }  // little-endian

  uint64_t value() const { return value_; }
  std::string ToHex() const { return octet::ToHex(value_); }

 private:
  uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_FINGERPRINT_H_

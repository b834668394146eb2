#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_READER_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_READER_H_

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Returns the error for a damaged GGUF file. `where` begins with its path.
absl::Status InvalidGguf(const std::string& where, const std::string& rule);

// Reads the header of a GGUF file from its begin, in pieces. The first error stays; what is read
// after it is zero or empty. No memory is used for bytes that the file does not have.
class GgufReader {
 public:
  explicit GgufReader(const RandomAccessFile& file) : file_(file) {}

  // Names the part of the header that is read next, for errors: "metadata entry 3".
  void SetPlace(std::string place) { place_ = std::move(place); }

  // Each takes the next field; `field` is its name in errors. Numbers are little-endian.
  template <typename T>
  T Number(const char* field) {
    T value = 0;
    if (Has(sizeof(T), field)) Fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  std::string String(const char* field);
  bool Bool(const char* field);

  template <typename T>
  std::vector<T> Numbers(uint64_t count, const char* field) {
    if (!HasElements(count, sizeof(T), field)) return {};
    std::vector<T> values(count);
    Fill(std::as_writable_bytes(std::span(values)));
    return values;
  }

  // Reports an error if this many elements, each of at least so many bytes, cannot follow.
  bool HasElements(uint64_t count, uint64_t least_bytes, const char* field);

  void Fail(const std::string& rule);  // names the file and the place

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  uint64_t offset() const { return offset_; }

 private:
  bool Has(uint64_t bytes, const char* field) { return HasElements(1, bytes, field); }
  void Fill(std::span<std::byte> out);

  const RandomAccessFile& file_;
  std::string place_;
  absl::Status status_;
  uint64_t offset_ = 0;  // of the next field
  std::vector<std::byte> piece_;
  uint64_t piece_offset_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_READER_H_

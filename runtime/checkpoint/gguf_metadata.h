// The metadata of a GGUF file: keys with typed values.

#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_METADATA_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_METADATA_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace octet {

// A value of the format: a number, a bool, a string of any bytes, or an array of one of these.
using GgufValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                               std::string, uint64_t, int64_t, double, std::vector<uint8_t>,
                               std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                               std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>,
                               std::vector<bool>, std::vector<std::string>, std::vector<uint64_t>,
                               std::vector<int64_t>, std::vector<double>>;

// Returns "uint32", or "array of string".
std::string GgufTypeName(const GgufValue& value);

// Returns one line of text for a person. It has only the first elements of a long array, and both
// ends of a long string.
std::string GgufValueText(const GgufValue& value);

// All values of one file, in its order. Every key is there once.
class GgufMetadata {
 public:
  using Entry = std::pair<std::string, GgufValue>;

  explicit GgufMetadata(std::string path) : path_(std::move(path)) {}

  // Returns false if there is such a key already.
  bool Add(const std::string& key, GgufValue value);

  const std::vector<Entry>& entries() const { return entries_; }

  // Returns the value of this key, or nullptr.
  const GgufValue* Find(const std::string& key) const;

  // Returns the value of this key and of exactly this type. Errors name the file, the key and the
  // type that is there.
  template <typename T>
  absl::StatusOr<T> Get(const std::string& key) const {
    const absl::StatusOr<const GgufValue*> value = Required(key);
    if (!value.ok()) return value.status();
    const T* typed = std::get_if<T>(*value);
    if (typed == nullptr) return WrongType(key, **value, GgufTypeName(T()));
    return *typed;
  }

  // Returns an integer of any width, which must not be negative.
  absl::StatusOr<uint64_t> GetUnsigned(const std::string& key) const;

 private:
  absl::StatusOr<const GgufValue*> Required(const std::string& key) const;
  absl::Status WrongType(const std::string& key, const GgufValue& value,
                         const std::string& expected) const;

  std::string path_;
  std::vector<Entry> entries_;
  std::map<std::string, size_t> places_;  // in entries_
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_METADATA_H_

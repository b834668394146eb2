// JSON, written as it is said.

#ifndef OCTET_RUNTIME_IO_JSON_WRITER_H_
#define OCTET_RUNTIME_IO_JSON_WRITER_H_

#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace octet {

// Appends one JSON value on one line, without spaces. The writer puts the commas; the caller opens
// and closes. A document object would cost most of a short result's time.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }

  // The name of what is written next, inside an object.
  JsonWriter& Key(std::string_view name);

  // Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& String(std::string_view text);
  JsonWriter& Integer(int64_t value);

  // As few digits as give the float back. What JSON can't say: -9999.0 for minus infinity, as
  // vLLM, and null for the others.
  JsonWriter& Float(float value);
  JsonWriter& Null() { return Append("null"); }

  // A list of whole numbers.
  JsonWriter& Integers(const std::ranges::range auto& values) {
    BeginArray();
    for (const auto value : values) Integer(value);
    return EndArray();
  }

  std::string Take() { return std::move(json_); }

 private:
  void Separate();
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  JsonWriter& Append(std::string_view token);
  void AppendQuoted(std::string_view text);

  std::string json_;
  bool after_value_ = false;  // the next value or key needs a comma
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_JSON_WRITER_H_

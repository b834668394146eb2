// JSON, written as it is said.

#ifndef OCTET_RUNTIME_IO_JSON_WRITER_H_
#define OCTET_RUNTIME_IO_JSON_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace octet {

// Appends one JSON value; the only way in which JSON is written. The writer puts the commas; the
// caller opens and closes. A document object would cost most of a short result's time, and the
// library that has one throws where a text is not UTF-8.
class JsonWriter {
 public:
  // On one line without spaces, or for people: a member or element a line.
  enum class Layout { kOneLine, kIndented };
  explicit JsonWriter(Layout layout = Layout::kOneLine) : layout_(layout) {}

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

  // The same of a double; null for what JSON can't say.
  JsonWriter& Double(double value);

  JsonWriter& Bool(bool value) { return Append(value ? "true" : "false"); }
  JsonWriter& Null() { return Append("null"); }

  // A member of an object: a bool, a whole number, a double or a text.
  template <typename Value>
  JsonWriter& Member(std::string_view name, const Value& value) {
    Key(name);
    if constexpr (std::is_same_v<Value, bool>) {
      return Bool(value);
    } else if constexpr (std::is_integral_v<Value>) {
      return Integer(value);
    } else if constexpr (std::is_same_v<Value, double>) {
      return Double(value);
    } else {
      return String(value);
    }
  }

  // A list of whole numbers.
  JsonWriter& Integers(const std::ranges::range auto& values) {
    BeginArray();
    for (const auto value : values) Integer(value);
    return EndArray();
  }

  std::string Take() { return std::move(json_); }

 private:
  void Separate();
  void BreakLine();
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  JsonWriter& Append(std::string_view token);
  template <typename Number>
  JsonWriter& AppendNumber(Number value);
  void AppendQuoted(std::string_view text);

  Layout layout_;
  size_t depth_ = 0;  // containers that are open
  std::string json_;
  bool after_value_ = false;  // the next value or key needs a comma
  bool after_key_ = false;    // the next value stands on its line
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_JSON_WRITER_H_

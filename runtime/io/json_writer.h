// A writer of JSON text.

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

// A writer that appends one JSON value; Octet writes all JSON with it. The writer adds the commas;
// the caller opens and closes. A document object would cost most of a short result's time, and its
// library throws if a text is not UTF-8.
class JsonWriter {
 public:
  // On one line without spaces, or for people: one member or element per line.
  enum class Layout { kOneLine, kIndented };
  explicit JsonWriter(Layout layout = Layout::kOneLine) : layout_(layout) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }

  // Writes the name of the next value, inside an object.
  JsonWriter& Key(std::string_view name);

  // Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& String(std::string_view text);
  JsonWriter& Integer(int64_t value);

  // Writes the fewest digits that give the float back. JSON has no infinities and no NaN: writes
  // -9999.0 for minus infinity, as vLLM does, and null for the others.
  JsonWriter& Float(float value);

  // The same for a double, but null for all that JSON lacks.
  JsonWriter& Double(double value);

  JsonWriter& Bool(bool value) { return Append(value ? "true" : "false"); }
  JsonWriter& Null() { return Append("null"); }

  // Writes a member of an object: a bool, a whole number, a double or a text.
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

  // Writes a list of whole numbers.
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
  bool after_key_ = false;    // the next value is on the key's line
};

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_JSON_WRITER_H_

// The values of a template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_VALUE_H_
#define OCTET_RUNTIME_TEXT_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/text/jinja/text.h"

namespace octet::jinja {

class Dict;
struct Callable;
struct Iterator;
struct List;
struct Loop;
struct Namespace;
struct Range;
struct Undefined;
struct View;

// A Python value of a kind that templates have. Immutable except for iterators, which are used up,
// and namespaces and loops, which belong to a run. Cheap to copy.
class Value {
 public:
  // The author of its strings: the template and those whom it trusts, or the user who asks.
  enum class Origin { kTemplate, kOutside };

  // In the order of `Data`.
  enum class Kind {
    kNone,
    kUndefined,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,  // or a tuple
    kDict,
    kRange,
    kView,  // keys(), values() or items() of a dict
    kIterator,
    kNamespace,
    kLoop,
    kCallable,
    kLargeInt,  // from 2^63 on: only for printing and comparison
  };

  // jinja::Dict and the like are the contents of values; Dict() makes a value.
  Value() = default;  // none
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value Float(double value);
  // Bytes that are not UTF-8 become U+FFFD.
  static Value String(std::string_view text, Origin origin);
  static Value String(Text text);
  static Value List(std::vector<Value> items);
  static Value Tuple(std::vector<Value> items);
  // Keys come from the template. The last value of a repeated key counts.
  static Value Dict(const std::vector<std::pair<std::string, Value>>& items);
  static Value Undefined(jinja::Undefined undefined);
  // Gives every string in it, keys too, this origin.
  static Value FromJson(const nlohmann::ordered_json& json, Origin origin);

  template <typename T>
  static Value Of(std::shared_ptr<T> object) {
    return Value(Data(std::move(object)));
  }
  static Value Of(Namespace* object) { return Value(Data(object)); }
  static Value Of(Loop* object) { return Value(Data(object)); }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool Is(Kind other) const { return kind() == other; }
  bool IsTuple() const;
  bool IsNumber() const;   // bool, int or float
  bool IsInteger() const;  // bool or int

  // Only for values of the kind.
  bool AsBool() const { return std::get<bool>(data_); }
  int64_t AsInt() const;   // of a bool too
  double AsFloat() const;  // of any number
  uint64_t AsLargeInt() const { return std::get<uint64_t>(data_); }
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const jinja::List& list() const { return *std::get<std::shared_ptr<const jinja::List>>(data_); }
  const std::vector<Value>& items() const;  // of a list
  const jinja::Dict& dict() const { return *std::get<std::shared_ptr<const jinja::Dict>>(data_); }
  const Range& range() const { return *std::get<std::shared_ptr<const Range>>(data_); }
  const View& view() const { return *std::get<std::shared_ptr<const View>>(data_); }
  Iterator& iterator() const { return *std::get<std::shared_ptr<Iterator>>(data_); }
  Namespace& name_space() const { return *std::get<Namespace*>(data_); }
  Loop& loop() const { return *std::get<Loop*>(data_); }
  const Callable& callable() const { return *std::get<std::shared_ptr<const Callable>>(data_); }
  const jinja::Undefined& undefined() const {
    return *std::get<std::shared_ptr<const jinja::Undefined>>(data_);
  }

  // Returns whether a string in it came from outside.
  bool any_outside() const;
  // Returns the levels of nested containers; 0 for other values.
  int depth() const;
  // Returns Python's `is`, as far as a template can tell.
  bool IsSame(const Value& other) const;

 private:
  using Data = std::variant<std::monostate, std::shared_ptr<const jinja::Undefined>, bool, int64_t,
                            double, std::shared_ptr<const Text>, std::shared_ptr<const jinja::List>,
                            std::shared_ptr<const jinja::Dict>, std::shared_ptr<const Range>,
                            std::shared_ptr<const View>, std::shared_ptr<Iterator>, Namespace*,
                            Loop*, std::shared_ptr<const Callable>, uint64_t>;

  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_VALUE_H_

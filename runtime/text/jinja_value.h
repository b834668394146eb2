// What a template computes with.

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

#include "runtime/text/jinja_text.h"

namespace octet {

class JinjaDict;
struct JinjaCallable;
struct JinjaIterator;
struct JinjaList;
struct JinjaLoop;
struct JinjaNamespace;
struct JinjaRange;
struct JinjaUndefined;
struct JinjaView;

// A Python value, as far as templates have them. Immutable but for iterators, which are used up,
// and namespaces and loops, which belong to a run. Cheap to copy.
class JinjaValue {
 public:
  // Who wrote the strings in it: the template and those whom it trusts, or who asks.
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
    kLargeInt,  // from 2^63 on: it can be printed and compared, not computed with
  };

  JinjaValue() = default;  // none
  static JinjaValue Bool(bool value);
  static JinjaValue Int(int64_t value);
  static JinjaValue Float(double value);
  // Bytes that are not UTF-8 become U+FFFD.
  static JinjaValue String(std::string_view text, Origin origin);
  static JinjaValue String(JinjaText text);
  static JinjaValue List(std::vector<JinjaValue> items);
  static JinjaValue Tuple(std::vector<JinjaValue> items);
  // Keys come from the template. The last value of a key that stands twice counts.
  static JinjaValue Dict(const std::vector<std::pair<std::string, JinjaValue>>& items);
  static JinjaValue Undefined(JinjaUndefined undefined);
  // Every string in it, keys too, has this origin.
  static JinjaValue FromJson(const nlohmann::ordered_json& json, Origin origin);

  template <typename T>
  static JinjaValue Of(std::shared_ptr<T> object) {
    return JinjaValue(Data(std::move(object)));
  }
  static JinjaValue Of(JinjaNamespace* object) { return JinjaValue(Data(object)); }
  static JinjaValue Of(JinjaLoop* object) { return JinjaValue(Data(object)); }

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
  const JinjaText& text() const { return *std::get<std::shared_ptr<const JinjaText>>(data_); }
  const JinjaList& list() const { return *std::get<std::shared_ptr<const JinjaList>>(data_); }
  const std::vector<JinjaValue>& items() const;  // of a list
  const JinjaDict& dict() const { return *std::get<std::shared_ptr<const JinjaDict>>(data_); }
  const JinjaRange& range() const { return *std::get<std::shared_ptr<const JinjaRange>>(data_); }
  const JinjaView& view() const { return *std::get<std::shared_ptr<const JinjaView>>(data_); }
  JinjaIterator& iterator() const { return *std::get<std::shared_ptr<JinjaIterator>>(data_); }
  JinjaNamespace& name_space() const { return *std::get<JinjaNamespace*>(data_); }
  JinjaLoop& loop() const { return *std::get<JinjaLoop*>(data_); }
  const JinjaCallable& callable() const {
    return *std::get<std::shared_ptr<const JinjaCallable>>(data_);
  }
  const JinjaUndefined& undefined() const {
    return *std::get<std::shared_ptr<const JinjaUndefined>>(data_);
  }

  // Whether a string in it came from outside.
  bool any_outside() const;
  // Levels of containers; 0 for what holds nothing.
  int depth() const;
  // Python's `is`, as far as a template can tell.
  bool IsSame(const JinjaValue& other) const;

 private:
  using Data =
      std::variant<std::monostate, std::shared_ptr<const JinjaUndefined>, bool, int64_t, double,
                   std::shared_ptr<const JinjaText>, std::shared_ptr<const JinjaList>,
                   std::shared_ptr<const JinjaDict>, std::shared_ptr<const JinjaRange>,
                   std::shared_ptr<const JinjaView>, std::shared_ptr<JinjaIterator>,
                   JinjaNamespace*, JinjaLoop*, std::shared_ptr<const JinjaCallable>, uint64_t>;

  explicit JinjaValue(Data data) : data_(std::move(data)) {}

  Data data_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_VALUE_H_

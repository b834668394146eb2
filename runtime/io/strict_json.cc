#include "runtime/io/strict_json.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/base/activity.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kNumberOutOfRange = 406;  // the library's id of this error

// An iterator over a text that reports progress, so that a long text is no standstill: one string,
// or millions of values.
class TickingIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TickingIterator(std::string_view text, size_t place) : text_(text.data()), place_(place) {}

  reference operator*() const { return text_[place_]; }
  TickingIterator& operator++() {
    if (++place_ % kBytesPerTick == 0) Activity::OfThisThread().Tick();
    return *this;
  }
  bool operator==(const TickingIterator& other) const { return place_ == other.place_; }

 private:
  static constexpr size_t kBytesPerTick = size_t{64} << 10;

  const char* text_;
  size_t place_;
};

// Returns a name that is twice in an object that keeps the order of its members, or null.
const std::string* FindDouble(const ordered_json::object_t& members) {
  constexpr size_t kNamesPerTick = 4096;
  absl::flat_hash_set<std::string_view> names;
  names.reserve(members.size());
  for (const auto& [name, value] : members) {
    if (!names.insert(name).second) return &name;
    if (names.size() % kNamesPerTick == 0) Activity::OfThisThread().Tick();
  }
  return nullptr;
}

// A builder of a document from the events of the library's parser. The library's own builder with a
// callback takes quadratic time: in the number of objects in an array, or, for an ordered_json, in
// the number of an object's members.
template <typename Json>
class DocumentBuilder {
 public:
  // `visit`, if not null, gets the members of the outermost object instead.
  DocumentBuilder(const std::string& where, size_t text_bytes, const MemberVisitor* visit)
      : where_(where), text_bytes_(text_bytes), visit_(visit) {}

  const absl::Status& status() const { return status_; }
  Json TakeDocument() { return std::move(document_); }

  // The parser calls these functions. If one returns false, the parse ends, and status() has the
  // reason.
  bool null() { return AddScalar(nullptr); }
  bool boolean(bool value) { return AddScalar(value); }
  bool number_integer(int64_t value) { return AddScalar(value); }
  bool number_unsigned(uint64_t value) { return AddScalar(value); }
  bool number_float(double value, const std::string& /*digits*/) { return AddScalar(value); }
  bool string(const std::string& value) { return CountPart() && AddScalar(value); }
  bool binary(const typename Json::binary_t& /*value*/) { return Refuse("is not JSON"); }
  bool start_array(size_t /*size*/) { return Open(Json::value_t::array); }
  bool start_object(size_t /*size*/) { return Open(Json::value_t::object); }
  bool end_array() { return Close(); }
  bool end_object() { return Close(); }
  bool key(const std::string& name);
  bool parse_error(size_t byte, const std::string& /*token*/, const json::exception& error);

 private:
  bool Refuse(const std::string& rule);
  bool CountPart();
  template <typename Value>
  Json* Add(const Value& value);
  template <typename Value>
  bool AddScalar(const Value& value) {
    return Add(value) != nullptr && EndValue();
  }
  bool Open(typename Json::value_t kind);
  bool RefuseDouble(const std::string& name);
  bool Close();
  bool EndValue();

  const std::string& where_;
  size_t text_bytes_;
  const MemberVisitor* visit_;
  absl::Status status_;
  Json document_;
  std::vector<Json*> open_;  // containers, outermost first
  Json* member_ = nullptr;   // still null; in the innermost container if that is an object
  std::string root_name_;    // of the outermost object's member that is being read
  Json* root_ = nullptr;     // that member
  int64_t num_values_ = 0;
  int64_t num_parts_ = 0;
};

template <typename Json>
bool DocumentBuilder<Json>::Refuse(const std::string& rule) {
  status_ = absl::InvalidArgumentError(absl::StrCat(where_, ": ", rule));
  return false;
}

template <typename Json>
bool DocumentBuilder<Json>::parse_error(size_t byte, const std::string& /*token*/,
                                        const json::exception& error) {
  if (error.id == kNumberOutOfRange) return Refuse("is not valid JSON: a number is out of range");
  return Refuse(absl::StrCat("is not valid UTF-8 JSON: see byte ", byte, " of ", text_bytes_));
}

template <typename Json>
bool DocumentBuilder<Json>::CountPart() {
  if (++num_parts_ <= kMaxJsonParts) return true;
  return Refuse(
      absl::StrCat("has more than ", kMaxJsonParts, " texts, lists, objects and members"));
}

// Adds a value, and returns its place, or null if the limits allow no more.
template <typename Json>
template <typename Value>
Json* DocumentBuilder<Json>::Add(const Value& value) {
  if (++num_values_ > kMaxJsonValues) {
    Refuse(absl::StrCat("has more than ", kMaxJsonValues, " values"));
    return nullptr;
  }
  if (open_.empty()) return &(document_ = value);
  if (open_.back()->is_object()) return &(*member_ = value);
  return &open_.back()->template get_ref<typename Json::array_t&>().emplace_back(value);
}

template <typename Json>
bool DocumentBuilder<Json>::Open(typename Json::value_t kind) {
  if (std::ssize(open_) == kMaxJsonDepth) {
    return Refuse(absl::StrCat("is nested deeper than ", kMaxJsonDepth));
  }
  if (open_.empty() && visit_ != nullptr && kind != Json::value_t::object) {
    return Refuse("is not an object");
  }
  Json* place = CountPart() ? Add(kind) : nullptr;
  if (place == nullptr) return false;
  open_.push_back(place);  // keeps its address: nothing is added to its container while it is open
  return true;
}

template <typename Json>
bool DocumentBuilder<Json>::Close() {
  if constexpr (std::is_same_v<Json, ordered_json>) {
    const auto* members = open_.back()->template get_ptr<const typename Json::object_t*>();
    const std::string* twice = members != nullptr ? FindDouble(*members) : nullptr;
    if (twice != nullptr) return RefuseDouble(*twice);
  }
  open_.pop_back();
  return EndValue();
}

template <typename Json>
bool DocumentBuilder<Json>::RefuseDouble(const std::string& name) {
  return Refuse(absl::StrCat("states the key ", Quoted(name), " twice in one object"));
}

template <typename Json>
bool DocumentBuilder<Json>::key(const std::string& name) {
  auto& object = open_.back()->template get_ref<typename Json::object_t&>();
  if constexpr (std::is_same_v<Json, ordered_json>) {
    object.push_back({name, nullptr});  // duplicates are searched when all members are there
    member_ = &object.back().second;
  } else {
    const auto [place, inserted] = object.emplace(name, nullptr);
    if (!inserted) return RefuseDouble(name);
    member_ = &place->second;
  }
  if (!CountPart()) return false;
  if (open_.size() > 1) return true;
  root_name_ = name;
  root_ = member_;
  return true;
}

// Ends a value: passes a member of the outermost object to `visit`, and keeps its name.
template <typename Json>
bool DocumentBuilder<Json>::EndValue() {
  if (visit_ == nullptr) return true;
  if (open_.empty()) return document_.is_object() || Refuse("is not an object");
  if (open_.size() > 1) return true;
  if constexpr (std::is_same_v<Json, json>) status_ = (*visit_)(root_name_, *root_);
  *root_ = nullptr;
  num_values_ = 0;
  num_parts_ = 0;
  return status_.ok();
}

template <typename Json>
absl::StatusOr<Json> Parse(const std::string& text, const std::string& where,
                           const MemberVisitor* visit) {
  DocumentBuilder<Json> builder(where, text.size(), visit);
  // The library reads a NUL between values as the end of the text.
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": is not valid JSON: NUL byte at byte ", nul));
  }
  Json::sax_parse(TickingIterator(text, 0), TickingIterator(text, text.size()), &builder);
  if (!builder.status().ok()) return builder.status();
  return builder.TakeDocument();
}

}  // namespace

absl::StatusOr<json> ParseStrictJson(const std::string& text, const std::string& where) {
  return Parse<json>(text, where, nullptr);
}

absl::StatusOr<ordered_json> ParseOrderedJson(const std::string& text, const std::string& where) {
  return Parse<ordered_json>(text, where, nullptr);
}

absl::Status ParseStrictJsonObject(const std::string& text, const std::string& where,
                                   const MemberVisitor& visit) {
  return Parse<json>(text, where, &visit).status();
}

std::string Shortened(std::string_view text) {
  constexpr size_t kEnd = 100;  // bytes kept at either end, or a few more or less
  if (text.size() <= 2 * kEnd) return std::string(text);
  std::string kept(text.substr(0, BeginOfChar(text, kEnd)));
  return kept.append("…").append(text.substr(BeginOfChar(text, text.size() - kEnd)));
}

std::string Escaped(std::string_view text) {
  const std::string shown = Shortened(text);
  std::string escaped;
  for (std::string_view rest = shown; !rest.empty();) {
    const Utf8Char c = FirstUtf8Char(rest);
    const std::string letter(rest.substr(0, std::max<size_t>(c.size, 1)));
    escaped += c.code_point >= 0xA0 ? letter : absl::CHexEscape(letter);
    rest.remove_prefix(letter.size());
  }
  return escaped;
}

std::string Quoted(const std::string& text) { return absl::StrCat("'", Escaped(text), "'"); }

}  // namespace octet

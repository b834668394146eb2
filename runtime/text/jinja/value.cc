#include "runtime/text/jinja/value.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "runtime/io/utf8.h"
#include "runtime/text/jinja/objects.h"

namespace octet::jinja {
namespace {

std::string AsUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t size = FirstUtf8Char(text).size;
    valid += size > 0 ? text.substr(0, size) : kReplacementCharacter;
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return valid;
}

}  // namespace

Value Value::Bool(bool value) { return Value(Data(value)); }

Value Value::Int(int64_t value) { return Value(Data(value)); }

Value Value::Float(double value) { return Value(Data(value)); }

Value Value::String(std::string_view text, Origin origin) {
  const bool outside = origin == Origin::kOutside;
  return String(IsUtf8(text) ? Text(text, outside) : Text(AsUtf8(text), outside));
}

Value Value::String(Text text) {
  return Of(std::shared_ptr<const Text>(std::make_shared<Text>(std::move(text))));
}

Value Value::List(std::vector<Value> items) {
  return Of(std::make_shared<const jinja::List>(jinja::List::Kind::kList, std::move(items)));
}

Value Value::Tuple(std::vector<Value> items) {
  return Of(std::make_shared<const jinja::List>(jinja::List::Kind::kTuple, std::move(items)));
}

Value Value::Dict(const std::vector<std::pair<std::string, Value>>& items) {
  auto dict = std::make_shared<jinja::Dict>();
  for (const auto& [key, value] : items) dict->Set(String(key, Origin::kTemplate), value);
  return Of(std::shared_ptr<const jinja::Dict>(std::move(dict)));
}

Value Value::Undefined(jinja::Undefined undefined) {
  return Of(std::make_shared<const jinja::Undefined>(std::move(undefined)));
}

Value Value::FromJson(const nlohmann::ordered_json& json, Origin origin) {
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::boolean:
      return Bool(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) return Value(Data(json.get<uint64_t>()));
      [[fallthrough]];
    case nlohmann::ordered_json::value_t::number_integer:
      return Int(json.get<int64_t>());
    case nlohmann::ordered_json::value_t::number_float:
      return Float(json.get<double>());
    case nlohmann::ordered_json::value_t::string:
      return String(json.get_ref<const std::string&>(), origin);
    case nlohmann::ordered_json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(FromJson(item, origin));
      return List(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
      auto dict = std::make_shared<jinja::Dict>();
      for (const auto& [key, value] : json.items()) {
        dict->Set(String(key, origin), FromJson(value, origin));
      }
      return Of(std::shared_ptr<const jinja::Dict>(std::move(dict)));
    }
    default:
      return {};
  }
}

bool Value::IsTuple() const { return Is(Kind::kList) && list().kind != jinja::List::Kind::kList; }

bool Value::IsNumber() const { return IsInteger() || Is(Kind::kFloat); }

bool Value::IsInteger() const { return Is(Kind::kBool) || Is(Kind::kInt); }

int64_t Value::AsInt() const {
  return Is(Kind::kBool) ? static_cast<int64_t>(AsBool()) : std::get<int64_t>(data_);
}

double Value::AsFloat() const {
  return Is(Kind::kFloat) ? std::get<double>(data_) : static_cast<double>(AsInt());
}

const std::vector<Value>& Value::items() const { return list().items; }

bool Value::any_outside() const {
  switch (kind()) {
    case Kind::kString:
      return text().any_outside();
    case Kind::kList:
      return list().any_outside;
    case Kind::kDict:
      return dict().any_outside();
    case Kind::kView:
      return view().dict.any_outside();
    default:
      return false;
  }
}

int Value::depth() const {
  switch (kind()) {
    case Kind::kList:
      return list().depth;
    case Kind::kDict:
      return dict().depth();
    case Kind::kView:
      return 1 + view().dict.depth();
    case Kind::kCallable:
      return 1 + callable().self.depth();
    case Kind::kIterator:
      return iterator().depth;
    default:
      return 0;
  }
}

bool Value::IsSame(const Value& other) const {
  if (kind() != other.kind()) return false;
  if (Is(Kind::kString)) {  // in Python, short texts are one object, and others may be
    return data_ == other.data_ || text().bytes() == other.text().bytes();
  }
  return data_ == other.data_;
}

}  // namespace octet::jinja

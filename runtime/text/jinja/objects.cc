#include "runtime/text/jinja/objects.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

// Returns a key's spelling: equal keys have the same one, different keys have different ones.
std::string Spelling(const Value& key) {
  switch (key.kind()) {
    case Kind::kString:
      return absl::StrCat("s", key.text().bytes());
    case Kind::kBool:
    case Kind::kInt:
      return absl::StrCat("i", key.AsInt());
    case Kind::kFloat: {
      const double value = key.AsFloat();
      if (value == std::floor(value) && std::abs(value) < 9e18) {
        return absl::StrCat("i", static_cast<int64_t>(value));
      }
      return absl::StrCat("f", absl::string_view(reinterpret_cast<const char*>(&value), 8));
    }
    case Kind::kList: {
      std::string spelling = "t";
      for (const Value& item : key.items()) {
        const std::string part = Spelling(item);
        absl::StrAppend(&spelling, part.size(), ":", part);
      }
      return spelling;
    }
    default:
      return "n";
  }
}

}  // namespace

List::List(Kind list_kind, std::vector<Value> list_items)
    : kind(list_kind), items(std::move(list_items)) {
  for (const Value& item : items) {
    depth = std::max(depth, item.depth() + 1);
    any_outside = any_outside || item.any_outside();
  }
}

bool Dict::MayBeKey(const Value& key) {
  if (key.IsTuple()) {
    return std::all_of(key.items().begin(), key.items().end(),
                       [](const Value& item) { return !item.Is(Kind::kList) && MayBeKey(item); });
  }
  return key.IsNumber() || key.Is(Kind::kString) || key.Is(Kind::kNone);
}

void Dict::Set(const Value& key, Value value) {
  depth_ = std::max({depth_, value.depth() + 1, key.depth() + 1});
  any_outside_ = any_outside_ || key.any_outside() || value.any_outside();
  const auto [entry, is_new] = index_.try_emplace(Spelling(key), items_.size());
  if (is_new) {
    items_.emplace_back(key, std::move(value));
  } else {
    items_[entry->second].second = std::move(value);
  }
}

const Value* Dict::Find(const Value& key) const {
  if (!MayBeKey(key)) return nullptr;
  const auto entry = index_.find(Spelling(key));
  return entry == index_.end() ? nullptr : &items_[entry->second].second;
}

const Value* Dict::Find(std::string_view key) const {
  const auto entry = index_.find(absl::StrCat("s", absl::string_view(key.data(), key.size())));
  return entry == index_.end() ? nullptr : &items_[entry->second].second;
}

Iterator::Iterator(std::vector<Value> all) : items(std::move(all)) {
  for (const Value& item : items) depth = std::max(depth, item.depth() + 1);
}

uint64_t Range::size() const {
  const auto first = static_cast<uint64_t>(start), last = static_cast<uint64_t>(stop);
  const auto stride = static_cast<uint64_t>(step);
  if (step > 0) return start < stop ? (last - first - 1) / stride + 1 : 0;
  return start > stop ? (first - last - 1) / (0 - stride) + 1 : 0;
}

int64_t Range::At(uint64_t index) const {
  return static_cast<int64_t>(static_cast<uint64_t>(start) + index * static_cast<uint64_t>(step));
}

Value View::At(size_t index) const {
  const auto& [key, value] = dict.dict().items()[index];
  switch (kind) {
    case Kind::kKeys:
      return key;
    case Kind::kValues:
      return value;
    case Kind::kItems:
      return Value::Tuple({key, value});
  }
  return {};
}

}  // namespace octet::jinja

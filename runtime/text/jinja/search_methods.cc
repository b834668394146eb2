// Methods of Python's str that look for pieces.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/search.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

template <bool kFromRight>
Value Split(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "split", arguments, {"sep", "maxsplit"});
  const int64_t count = parameters.Integer(1, -1);
  if (parameters.Get(0).Is(Kind::kNone)) {
    return run.List(SplitAtSpace(run, self.text(), count, kFromRight));
  }
  const std::string& separator = parameters.String(0).bytes();
  if (separator.empty()) return run.FailType("an empty separator");
  return run.List(SplitAt(run, self.text(), separator, count, kFromRight));
}

Value SplitLines(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "splitlines", arguments, {"keepends"});
  std::vector<Value> items;
  if (!run.Read(self.text().size() * 8)) return {};
  for (Text& line : Lines(self.text(), parameters.Truth(0, false))) {
    items.push_back(run.Text(std::move(line)));
  }
  return run.List(std::move(items));
}

// The bytes of the part [start, end) that two parameters give in code points. Not valid if it
// begins after its end or after the text.
struct Window {
  bool valid = false;
  size_t begin = 0, end = 0;
};

Window WindowOf(const Text& text, const Parameters& parameters) {
  const auto size = static_cast<int64_t>(text.code_points());
  int64_t start = parameters.Integer(1, 0), end = parameters.Integer(2, size);
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (end < 0) end = std::max<int64_t>(0, end + size);
  end = std::min(end, size);
  if (start > end) return {};
  return {true, text.ByteOf(static_cast<size_t>(start)), text.ByteOf(static_cast<size_t>(end))};
}

template <bool kAtEnd>
Value IsAtSide(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "startswith", arguments, {"", "", ""}, 1);
  if (!run.Read(self.text().ascii() ? 0 : self.text().size())) return {};
  const Window window = WindowOf(self.text(), parameters);
  if (!run.ok()) return {};
  const std::string_view part = self.text().view().substr(window.begin, window.end - window.begin);
  const auto stands = [&](const Value& affix) {
    if (!affix.Is(Kind::kString)) return run.FailType("startswith takes strings"), false;
    const std::string_view text = affix.text().view();
    if (!run.Read(text.size()) || !window.valid || text.size() > part.size()) return false;
    return (kAtEnd ? part.substr(part.size() - text.size()) : part.substr(0, text.size())) == text;
  };
  const Value affix = parameters.Get(0);
  if (!affix.IsTuple()) return Value::Bool(stands(affix));
  return Value::Bool(std::any_of(affix.items().begin(), affix.items().end(), stands));
}

// Implements find, rfind, index and rindex.
template <bool kLast, bool kMust>
Value Find(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "find", arguments, {"", "", ""}, 1);
  const std::string& wanted = parameters.String(0).bytes();
  if (!run.Read(self.text().size())) return {};
  const Window window = WindowOf(self.text(), parameters);
  size_t found = std::string_view::npos;
  if (window.valid) {
    const std::string_view part =
        self.text().view().substr(window.begin, window.end - window.begin);
    found = kLast ? part.rfind(wanted) : part.find(wanted);
  }
  if (found != std::string_view::npos) {
    return Value::Int(static_cast<int64_t>(self.text().CodePointOf(window.begin + found)));
  }
  return kMust ? run.FailType("substring not found") : Value::Int(-1);
}

Value Count(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "count", arguments, {"", "", ""}, 1);
  const std::string& wanted = parameters.String(0).bytes();
  if (!run.Read(self.text().size())) return {};
  const Window window = WindowOf(self.text(), parameters);
  if (!window.valid) return Value::Int(0);
  const Text part = self.text().Part(window.begin, window.end);
  if (wanted.empty()) return Value::Int(static_cast<int64_t>(part.code_points()) + 1);
  int64_t count = 0;
  for (size_t at = part.bytes().find(wanted); at != std::string::npos;
       at = part.bytes().find(wanted, at + wanted.size())) {
    ++count;
  }
  return Value::Int(count);
}

Value Replace(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "replace", arguments, {"", "", ""}, 2);
  const Text& from = parameters.String(0);
  const Text& to = parameters.String(1);
  if (!run.ok()) return {};
  return Replaced(run, self.text(), from, to, parameters.Integer(2, -1));
}

Value JoinMethod(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "join", arguments, {""}, 1);
  const std::vector<Value> items = ItemsOf(run, parameters.Get(0));
  for (const Value& item : items) {
    if (!item.Is(Kind::kString)) return run.FailType("join() takes strings");
  }
  return Joined(run, self.text(), items);
}

template <bool kPrefix>
Value RemoveAffix(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "removeprefix", arguments, {""}, 1);
  const std::string_view affix = parameters.String(0).view();
  const Text& text = self.text();
  const size_t at = kPrefix ? 0 : text.size() - std::min(affix.size(), text.size());
  const bool found = !affix.empty() && text.view().substr(at, affix.size()) == affix;
  if (!found) return self;
  return run.Text(kPrefix ? text.Part(affix.size(), text.size()) : text.Part(0, at));
}

template <bool kLast>
Value Partition(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "partition", arguments, {""}, 1);
  const Text& separator = parameters.String(0);
  if (separator.empty()) return run.FailType("an empty separator");
  const Text& text = self.text();
  const size_t found =
      kLast ? text.bytes().rfind(separator.bytes()) : text.bytes().find(separator.bytes());
  const Value none = run.Text("");
  if (found == std::string::npos) {
    return kLast ? run.Tuple({none, none, self}) : run.Tuple({self, none, none});
  }
  return run.Tuple({run.Text(text.Part(0, found)), parameters.Get(0),
                    run.Text(text.Part(found + separator.size(), text.size()))});
}

}  // namespace

std::span<const Entry> SearchMethods() {
  static constexpr Entry kMethods[] = {
      {"split", Split<false>},
      {"rsplit", Split<true>},
      {"splitlines", SplitLines},
      {"startswith", IsAtSide<false>},
      {"endswith", IsAtSide<true>},
      {"find", Find<false, false>},
      {"rfind", Find<true, false>},
      {"index", Find<false, true>},
      {"rindex", Find<true, true>},
      {"count", Count},
      {"replace", Replace},
      {"join", JoinMethod},
      {"removeprefix", RemoveAffix<true>},
      {"removesuffix", RemoveAffix<false>},
      {"partition", Partition<false>},
      {"rpartition", Partition<true>},
  };
  return kMethods;
}

}  // namespace octet::jinja

#include "runtime/text/jinja/parameters.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {

Parameters::Parameters(Run& run, std::string_view function, const Arguments& arguments,
                       std::initializer_list<std::string_view> names, size_t required)
    : run_(run), function_(function), given_(names.size(), nullptr) {
  if (arguments.positional.size() > names.size()) Fail("takes fewer arguments");
  for (size_t i = 0; i < std::min(arguments.positional.size(), names.size()); ++i) {
    given_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto* found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      Fail("takes no argument " + Quoted(name));
      continue;
    }
    const auto index = static_cast<size_t>(std::distance(names.begin(), found));
    if (given_[index] != nullptr) Fail("got an argument twice: " + Quoted(name));
    given_[index] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (given_[i] == nullptr) Fail("misses an argument");
  }
}

int64_t Parameters::Integer(size_t index, int64_t otherwise) const {
  if (!Has(index) || given_[index]->Is(Value::Kind::kNone)) return otherwise;
  if (given_[index]->IsInteger()) return given_[index]->AsInt();
  if (given_[index]->Is(Value::Kind::kUndefined)) {
    run_.FailUndefined(*given_[index]);
  } else {
    Fail("takes an integer");
  }
  return otherwise;
}

bool Parameters::Truth(size_t index, bool otherwise) const {
  return Has(index) ? IsTrue(*given_[index]) : otherwise;
}

jinja::Text Parameters::Text(size_t index, std::string_view otherwise) const {
  return Has(index) ? Str(run_, *given_[index]) : jinja::Text(otherwise);
}

const jinja::Text& Parameters::String(size_t index) const {
  static const jinja::Text* const kEmpty = new jinja::Text;
  if (Has(index) && given_[index]->Is(Value::Kind::kString)) return given_[index]->text();
  Fail("takes a string");
  return *kEmpty;
}

void Parameters::Fail(std::string_view message) const {
  run_.FailType(absl::StrCat("'", std::string(function_), "' ", std::string(message)));
}

}  // namespace octet::jinja

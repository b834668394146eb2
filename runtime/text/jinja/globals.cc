// Functions that each template has.

#include <absl/strings/str_cat.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/io/utf8.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/limits.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Value RaiseException(Run& run, const Value&, const Arguments& arguments) {
  constexpr size_t kMostBytes = 1000;  // a message is for the user
  const Parameters parameters(run, "raise_exception", arguments, {"message"}, 1);
  const Text message = parameters.Text(0, "");
  const std::string_view said = message.view().substr(0, BeginOfChar(message.view(), kMostBytes));
  return run.Fail(ErrorKind::kRaised,
                  said.empty() ? "raise_exception was called without a message" : said);
}

Value MakeRange(Run& run, const Value&, const Arguments& arguments) {
  const Parameters parameters(run, "range", arguments, {"", "", ""}, 1);
  for (size_t i = 0; i < 3; ++i) {
    if (parameters.Has(i) && parameters.Get(i).Is(Kind::kNone)) {
      return run.FailType("range takes integers");
    }
  }
  Range range{0, parameters.Integer(0, 0), parameters.Integer(2, 1)};
  if (parameters.Has(1)) range = {range.stop, parameters.Integer(1, 0), range.step};
  if (!run.ok()) return {};
  if (range.step == 0) return run.FailType("the step of a range is zero");
  if (range.size() > kMaxRange) {
    return run.Fail(ErrorKind::kLimit, "a range is longer than 100000");
  }
  return Value::Of(std::make_shared<const Range>(range));
}

// Returns dict(mapping or pairs, name=value, …).
std::shared_ptr<Dict> DictOf(Run& run, const Arguments& arguments) {
  auto dict = std::make_shared<Dict>();
  if (arguments.positional.size() > 1) run.FailType("a dict is made of one argument and names");
  for (const Value& given : arguments.positional) {
    if (given.Is(Kind::kDict)) {
      if (!run.Make(given.dict().items().size() * 128)) break;
      for (const auto& [key, value] : given.dict().items()) dict->Set(key, value);
      continue;
    }
    for (const Value& item : ItemsOf(run, given)) {
      const std::vector<Value> pair = ItemsOf(run, item);
      if (pair.size() != 2 || !Dict::MayBeKey(pair[0])) {
        run.FailType("a dict is made of pairs with a key that is no list");
      }
      if (!run.ok()) return dict;
      dict->Set(pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) dict->Set(run.Text(name), value);
  return dict;
}

Value MakeDict(Run& run, const Value&, const Arguments& arguments) {
  return run.Dict(DictOf(run, arguments));
}

Value MakeNamespace(Run& run, const Value&, const Arguments& arguments) {
  return run.Namespace(std::move(*DictOf(run, arguments)));
}

Value StrftimeNow(Run& run, const Value&, const Arguments& arguments) {
  constexpr std::string_view kKnown = "aAbBcdDeFgGHIjklmMnpPrRsStTuUVwWxXyYzZC%";
  const Parameters parameters(run, "strftime_now", arguments, {"format"}, 1);
  const std::string format = parameters.String(0).bytes();
  if (format.size() > 1000) return run.FailUnsupported("a time format of over 1000 bytes");
  for (size_t at = format.find('%'); at < format.size(); at = format.find('%', at + 2)) {
    const size_t letter = at + 1 < format.size() && format[at + 1] == '-' ? at + 2 : at + 1;
    if (letter >= format.size() || kKnown.find(format[letter]) == std::string_view::npos) {
      return run.FailUnsupported("this format of strftime_now");
    }
    if (letter == at + 2) ++at;
  }
  const std::time_t seconds = run.now();
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::string text(16 * format.size() + 64, '\0');
  text.resize(format.empty() ? 0 : std::strftime(text.data(), text.size(), format.c_str(), &time));
  return run.Text(text);
}

}  // namespace

std::span<const Entry> Globals() {
  static constexpr Entry kGlobals[] = {
      {"raise_exception", RaiseException}, {"range", MakeRange},          {"dict", MakeDict},
      {"namespace", MakeNamespace},        {"strftime_now", StrftimeNow},
  };
  return kGlobals;
}

}  // namespace octet::jinja

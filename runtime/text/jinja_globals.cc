// Functions that each template has.

#include <absl/strings/str_cat.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_limits.h"
#include "runtime/text/jinja_repr.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

JinjaValue RaiseException(JinjaRun& run, const JinjaValue&, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "raise_exception", arguments, {"message"}, 1);
  const JinjaText message = parameters.Text(0, "");
  return run.Fail(JinjaErrorKind::kRaised, message.view());
}

JinjaValue Range(JinjaRun& run, const JinjaValue&, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "range", arguments, {"", "", ""}, 1);
  for (size_t i = 0; i < 3; ++i) {
    if (parameters.Has(i) && parameters.Get(i).Is(Kind::kNone)) {
      return run.FailType("range takes integers");
    }
  }
  JinjaRange range{0, parameters.Integer(0, 0), parameters.Integer(2, 1)};
  if (parameters.Has(1)) range = {range.stop, parameters.Integer(1, 0), range.step};
  if (!run.ok()) return {};
  if (range.step == 0) return run.FailType("the step of a range is zero");
  if (range.size() > kMaxJinjaRange) {
    return run.Fail(JinjaErrorKind::kLimit, "a range is longer than 100000");
  }
  return JinjaValue::Of(std::make_shared<const JinjaRange>(range));
}

// dict(mapping or pairs, name=value, …).
std::shared_ptr<JinjaDict> DictOf(JinjaRun& run, const JinjaArguments& arguments) {
  auto dict = std::make_shared<JinjaDict>();
  if (arguments.positional.size() > 1) run.FailType("a dict is made of one argument and names");
  for (const JinjaValue& given : arguments.positional) {
    if (given.Is(Kind::kDict)) {
      if (!run.Make(given.dict().items().size() * 128)) break;
      for (const auto& [key, value] : given.dict().items()) dict->Set(key, value);
      continue;
    }
    for (const JinjaValue& item : JinjaItems(run, given)) {
      const std::vector<JinjaValue> pair = JinjaItems(run, item);
      if (pair.size() != 2 || !JinjaDict::MayBeKey(pair[0])) {
        run.FailType("a dict is made of pairs with a key that is no list");
      }
      if (!run.ok()) return dict;
      dict->Set(pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) dict->Set(run.Text(name), value);
  return dict;
}

JinjaValue Dict(JinjaRun& run, const JinjaValue&, const JinjaArguments& arguments) {
  return run.Dict(DictOf(run, arguments));
}

JinjaValue Namespace(JinjaRun& run, const JinjaValue&, const JinjaArguments& arguments) {
  return run.Namespace(std::move(*DictOf(run, arguments)));
}

JinjaValue StrftimeNow(JinjaRun& run, const JinjaValue&, const JinjaArguments& arguments) {
  constexpr std::string_view kKnown = "aAbBcdDeFgGHIjklmMnpPrRsStTuUVwWxXyYzZC%";
  const JinjaParameters parameters(run, "strftime_now", arguments, {"format"}, 1);
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

std::span<const JinjaEntry> JinjaGlobals() {
  static constexpr JinjaEntry kGlobals[] = {
      {"raise_exception", RaiseException},
      {"range", Range},
      {"dict", Dict},
      {"namespace", Namespace},
      {"strftime_now", StrftimeNow},
  };
  return kGlobals;
}

}  // namespace octet

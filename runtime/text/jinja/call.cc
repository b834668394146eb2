// Calls and macros of Interpreter.

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/interpreter.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

// Removes and returns the argument of this name.
std::optional<Value> TakeNamed(Arguments& arguments, std::string_view name) {
  const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                  [&](const auto& argument) { return argument.first == name; });
  if (found == arguments.named.end()) return std::nullopt;
  Value value = std::move(found->second);
  arguments.named.erase(found);
  return value;
}

}  // namespace

Value Interpreter::Call(const Value& callee, Arguments arguments) {
  using Kind = Value::Kind;
  if (callee.Is(Kind::kUndefined)) return run_.FailUndefined(callee);
  if (callee.Is(Kind::kLoop)) return CallLoop(callee.loop(), arguments);
  if (!callee.Is(Kind::kCallable)) {
    return run_.FailType(
        absl::StrCat("a value of type ", std::string(TypeName(callee)), " is not callable"));
  }
  const Callable& callable = callee.callable();
  if (callable.macro != nullptr) return CallMacro(callable, std::move(arguments));
  return callable.function(run_, callable.self, arguments);
}

Value Interpreter::CallMacro(const Callable& macro, Arguments arguments) {
  const Level level(run_);
  if (!level.ok()) return {};
  Scope scope(*this, macro.macro->layout, macro.frame);
  if (!run_.ok()) return {};
  GiveParameters(macro, scope.frame(), arguments);
  GiveSpecials(macro, scope.frame(), arguments);
  if (run_.ok()) GiveDefaults(*macro.macro, scope.frame());
  if (!run_.ok()) return {};
  Text text;
  Capture(macro.macro->body, text);
  return run_.Text(std::move(text));
}

void Interpreter::GiveParameters(const Callable& macro, Frame& frame, Arguments& arguments) {
  const auto& parameters = macro.macro->parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    auto& slot = frame.slots[parameters[i]->variable.slot];
    slot = std::nullopt;
    if (i < arguments.positional.size()) {
      slot = arguments.positional[i];
    } else {
      slot = TakeNamed(arguments, parameters[i]->name);
    }
  }
}

void Interpreter::GiveSpecials(const Callable& macro, Frame& frame, Arguments& arguments) {
  const Statement& statement = *macro.macro;
  if (statement.caller.used) {
    frame.slots[statement.caller.slot] =
        TakeNamed(arguments, "caller").value_or(Value::Undefined({"No caller defined"}));
  }
  if (statement.kwargs.used) {
    auto dict = std::make_shared<Dict>();
    for (auto& [name, value] : arguments.named) dict->Set(run_.Text(name), std::move(value));
    frame.slots[statement.kwargs.slot] = run_.Dict(std::move(dict));
  } else if (!arguments.named.empty()) {
    run_.FailType(absl::StrCat("the macro ", Quoted(macro.name), " takes no argument ",
                               Quoted(arguments.named[0].first)));
  }
  const size_t count = std::min(arguments.positional.size(), statement.parameters.size());
  if (statement.varargs.used) {
    frame.slots[statement.varargs.slot] =
        run_.Tuple({arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                    arguments.positional.end()});
  } else if (count < arguments.positional.size()) {
    run_.FailType(absl::StrCat("the macro ", Quoted(macro.name), " takes not more than ",
                               statement.parameters.size(), " arguments"));
  }
}

void Interpreter::GiveDefaults(const Statement& statement, Frame& frame) {
  const size_t required = statement.parameters.size() - statement.defaults.size();
  for (size_t i = 0; i < statement.parameters.size() && run_.ok(); ++i) {
    const Variable variable = statement.parameters[i]->variable;
    if (frame.slots[variable.slot].has_value()) continue;
    frame.slots[variable.slot] =
        i >= required
            ? Evaluate(*statement.defaults[i - required])
            : Value::Undefined({absl::StrCat("parameter ", Quoted(statement.parameters[i]->name),
                                             " was not provided")});
  }
}

Value Interpreter::CallLoop(const Loop& loop, const Arguments& arguments) {
  if (loop.recursive == nullptr) {
    return run_.FailType("a loop must be marked 'recursive' to be called");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return run_.FailType("a loop is called with one argument");
  }
  const Level level(run_);
  if (!level.ok()) return {};
  std::vector<Value> items = ItemsOf(run_, arguments.positional[0]);
  Text text;
  Text* const output = std::exchange(output_, &text);
  Frame* const frame = std::exchange(frame_, loop.outer);
  For(*loop.recursive, std::move(items), loop.depth0 + 1);
  frame_ = frame;
  output_ = output;
  return run_.Text(std::move(text));
}

Value Interpreter::MakeMacro(const Statement& statement) {
  if (!run_.Make(sizeof(Callable))) return {};
  Frames::Keep(frame_);
  auto callable = std::make_shared<Callable>();
  callable->name = statement.name;
  callable->macro = &statement;
  callable->frame = frame_;
  return Value::Of(std::shared_ptr<const Callable>(std::move(callable)));
}

}  // namespace octet::jinja

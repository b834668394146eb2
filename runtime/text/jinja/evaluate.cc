// Expressions of Interpreter.

#include <absl/strings/str_cat.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/arithmetic.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/interpreter.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using ExpressionKind = Expression::Kind;

}  // namespace

Value Interpreter::Evaluate(const Expression& expression) {
  if (expression.kind == ExpressionKind::kConstant) return expression.value;
  const Level level(run_);
  if (!level.ok()) return {};
  run_.SetLine(expression.line);
  return EvaluateOne(expression);
}

Value Interpreter::EvaluateOne(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kName:
      return EvaluateName(expression);
    case ExpressionKind::kAttribute: {
      const Value object = Evaluate(*expression.operands[0]);
      return run_.ok() ? AttributeOf(run_, object, expression.name) : Value();
    }
    case ExpressionKind::kItem: {
      const Value object = Evaluate(*expression.operands[0]);
      const Value index = Evaluate(*expression.operands[1]);
      return run_.ok() ? ItemOf(run_, object, index) : Value();
    }
    case ExpressionKind::kCall: {
      const Value callee = Evaluate(*expression.operands[0]);
      Arguments arguments = EvaluateArguments(expression);
      run_.SetLine(expression.line);
      return run_.ok() ? Call(callee, std::move(arguments)) : Value();
    }
    case ExpressionKind::kFilter:
      return EvaluateFilter(expression, {});
    case ExpressionKind::kTest:
      return EvaluateTest(expression);
    case ExpressionKind::kSlice:
      return EvaluateSlice(expression);
    case ExpressionKind::kTuple:
    case ExpressionKind::kList:
    case ExpressionKind::kDict:
      return EvaluateContainer(expression);
    default:
      return EvaluateOperator(expression);
  }
}

Value Interpreter::EvaluateOperator(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kConcatenate:
      return EvaluateConcatenation(expression);
    case ExpressionKind::kCompare:
      return EvaluateComparison(expression);
    case ExpressionKind::kConditional:
      return EvaluateConditional(expression);
    default:
      break;
  }
  Value first = Evaluate(*expression.operands[0]);
  if (!run_.ok()) return {};
  switch (expression.kind) {
    case ExpressionKind::kNot:
      return Value::Bool(!IsTrue(first));
    case ExpressionKind::kNegative:
      return Negative(run_, first);
    case ExpressionKind::kPositive:
      return Positive(run_, first);
    case ExpressionKind::kAnd:
      return IsTrue(first) ? Evaluate(*expression.operands[1]) : first;
    case ExpressionKind::kOr:
      return IsTrue(first) ? first : Evaluate(*expression.operands[1]);
    default:
      return Calculate(run_, expression.name, first, Evaluate(*expression.operands[1]));
  }
}

Value Interpreter::EvaluateContainer(const Expression& expression) {
  std::vector<Value> items = EvaluateAll(expression.operands);
  if (!run_.ok()) return {};
  if (expression.kind == ExpressionKind::kTuple) return run_.Tuple(std::move(items));
  if (expression.kind == ExpressionKind::kList) return run_.List(std::move(items));
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i < items.size(); i += 2) {
    if (!Dict::MayBeKey(items[i])) {
      return run_.FailType("a value of type " + std::string(TypeName(items[i])) +
                           " can't be a key of a dict");
    }
    dict->Set(items[i], std::move(items[i + 1]));
  }
  return run_.Dict(std::move(dict));
}

Value Interpreter::EvaluateName(const Expression& expression) {
  const auto& value = frame_->At(expression.variable);
  return value.has_value() ? *value : UndefinedName(expression.name);
}

Value Interpreter::EvaluateConditional(const Expression& expression) {
  const Value condition = Evaluate(*expression.operands[0]);
  if (!run_.ok()) return {};
  if (IsTrue(condition)) return Evaluate(*expression.operands[1]);
  if (expression.operands[2] != nullptr) return Evaluate(*expression.operands[2]);
  return Value::Undefined({absl::StrCat("the inline if-expression on line ", expression.line,
                                        " was false and has no else")});
}

Value Interpreter::EvaluateComparison(const Expression& expression) {
  Value left = Evaluate(*expression.operands[0]);
  for (size_t i = 0; i < expression.names.size(); ++i) {
    Value right = Evaluate(*expression.operands[i + 1]);
    if (!run_.ok() || !Compare(run_, expression.names[i], left, right)) {
      return Value::Bool(false);
    }
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interpreter::EvaluateConcatenation(const Expression& expression) {
  Text text;
  for (const Value& value : EvaluateAll(expression.operands)) {
    if (!run_.ok()) return {};
    const Text part = Str(run_, value);
    if (!run_.Grow(text.size(), part.size())) return {};
    text.Append(part);
  }
  return run_.Text(std::move(text));
}

Value Interpreter::EvaluateSlice(const Expression& expression) {
  Value parts[4];
  for (size_t i = 0; i < 4; ++i) {
    if (expression.operands[i] != nullptr) parts[i] = Evaluate(*expression.operands[i]);
  }
  if (!run_.ok()) return {};
  return SliceOf(run_, parts[0], parts[1], parts[2], parts[3]);
}

Value Interpreter::EvaluateTest(const Expression& expression) {
  const Value value = Evaluate(*expression.operands[0]);
  const Arguments arguments = EvaluateArguments(expression);
  if (!run_.ok()) return {};
  if (expression.function == nullptr) {
    return run_.FailType("no test named " + Quoted(expression.name));
  }
  return expression.function(run_, value, arguments);
}

Value Interpreter::EvaluateFilter(const Expression& expression, const Value& piped) {
  const Expression* operand = expression.operands[0].get();
  Value value = piped;
  if (operand != nullptr) {
    value = operand->kind == ExpressionKind::kFilter ? EvaluateFilter(*operand, piped)
                                                     : Evaluate(*operand);
  }
  const Arguments arguments = EvaluateArguments(expression);
  if (!run_.Step()) return {};
  run_.SetLine(expression.line);
  if (expression.function == nullptr) {
    return run_.FailType("no filter named " + Quoted(expression.name));
  }
  return expression.function(run_, value, arguments);
}

std::vector<Value> Interpreter::EvaluateAll(const std::vector<ExpressionPtr>& expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const auto& expression : expressions) {
    if (!run_.ok()) break;
    values.push_back(Evaluate(*expression));
  }
  return values;
}

Arguments Interpreter::EvaluateArguments(const Expression& expression) {
  Arguments arguments;
  for (const Argument& argument : expression.arguments) {
    if (!run_.ok()) break;
    AddArgument(argument, arguments);
  }
  return arguments;
}

void Interpreter::AddArgument(const Argument& argument, Arguments& arguments) {
  Value value = Evaluate(*argument.value);
  if (!run_.ok()) return;
  switch (argument.kind) {
    case Argument::Kind::kPositional:
      arguments.positional.push_back(std::move(value));
      return;
    case Argument::Kind::kNamed:
      arguments.named.emplace_back(argument.name, std::move(value));
      return;
    case Argument::Kind::kList:
      for (Value& item : ItemsOf(run_, value)) {
        arguments.positional.push_back(std::move(item));
      }
      return;
    case Argument::Kind::kDict:
      break;
  }
  if (!value.Is(Value::Kind::kDict)) {
    run_.FailType("an argument with ** must be a mapping");
    return;
  }
  if (!run_.Make(value.dict().items().size() * 64)) return;
  for (const auto& [key, item] : value.dict().items()) {
    if (!key.Is(Value::Kind::kString)) {
      run_.FailType("names of arguments must be strings");
      return;
    }
    arguments.named.emplace_back(key.text().bytes(), item);
  }
}

}  // namespace octet::jinja

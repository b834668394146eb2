// Expressions of JinjaInterpreter.

#include <absl/strings/str_cat.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja_access.h"
#include "runtime/text/jinja_arithmetic.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_interpreter.h"
#include "runtime/text/jinja_repr.h"

namespace octet {

using Kind = JinjaExpression::Kind;

JinjaValue JinjaInterpreter::Evaluate(const JinjaExpression& expression) {
  if (expression.kind == Kind::kConstant) return expression.value;
  const JinjaLevel level(run_);
  if (!level.ok()) return {};
  run_.SetLine(expression.line);
  return EvaluateOne(expression);
}

JinjaValue JinjaInterpreter::EvaluateOne(const JinjaExpression& expression) {
  switch (expression.kind) {
    case Kind::kName:
      return EvaluateName(expression);
    case Kind::kAttribute: {
      const JinjaValue object = Evaluate(*expression.operands[0]);
      return run_.ok() ? JinjaAttribute(run_, object, expression.name) : JinjaValue();
    }
    case Kind::kItem: {
      const JinjaValue object = Evaluate(*expression.operands[0]);
      const JinjaValue index = Evaluate(*expression.operands[1]);
      return run_.ok() ? JinjaItem(run_, object, index) : JinjaValue();
    }
    case Kind::kCall: {
      const JinjaValue callee = Evaluate(*expression.operands[0]);
      JinjaArguments arguments = EvaluateArguments(expression);
      run_.SetLine(expression.line);
      return run_.ok() ? Call(callee, std::move(arguments)) : JinjaValue();
    }
    case Kind::kFilter:
      return EvaluateFilter(expression, {});
    case Kind::kTest:
      return EvaluateTest(expression);
    case Kind::kSlice:
      return EvaluateSlice(expression);
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
      return EvaluateContainer(expression);
    default:
      return EvaluateOperator(expression);
  }
}

JinjaValue JinjaInterpreter::EvaluateOperator(const JinjaExpression& expression) {
  switch (expression.kind) {
    case Kind::kConcatenate:
      return EvaluateConcatenation(expression);
    case Kind::kCompare:
      return EvaluateComparison(expression);
    case Kind::kConditional:
      return EvaluateConditional(expression);
    default:
      break;
  }
  JinjaValue first = Evaluate(*expression.operands[0]);
  if (!run_.ok()) return {};
  switch (expression.kind) {
    case Kind::kNot:
      return JinjaValue::Bool(!JinjaIsTrue(first));
    case Kind::kNegative:
      return JinjaNegative(run_, first);
    case Kind::kPositive:
      return JinjaPositive(run_, first);
    case Kind::kAnd:
      return JinjaIsTrue(first) ? Evaluate(*expression.operands[1]) : first;
    case Kind::kOr:
      return JinjaIsTrue(first) ? first : Evaluate(*expression.operands[1]);
    default:
      return JinjaBinary(run_, expression.name, first, Evaluate(*expression.operands[1]));
  }
}

JinjaValue JinjaInterpreter::EvaluateContainer(const JinjaExpression& expression) {
  std::vector<JinjaValue> items = EvaluateAll(expression.operands);
  if (!run_.ok()) return {};
  if (expression.kind == Kind::kTuple) return run_.Tuple(std::move(items));
  if (expression.kind == Kind::kList) return run_.List(std::move(items));
  auto dict = std::make_shared<JinjaDict>();
  for (size_t i = 0; i < items.size(); i += 2) {
    if (!JinjaDict::MayBeKey(items[i])) {
      return run_.FailType("a value of type " + std::string(JinjaTypeName(items[i])) +
                           " can't be a key of a dict");
    }
    dict->Set(items[i], std::move(items[i + 1]));
  }
  return run_.Dict(std::move(dict));
}

JinjaValue JinjaInterpreter::EvaluateName(const JinjaExpression& expression) {
  const auto& value = frame_->At(expression.variable);
  return value.has_value() ? *value : UndefinedName(expression.name);
}

JinjaValue JinjaInterpreter::EvaluateConditional(const JinjaExpression& expression) {
  const JinjaValue condition = Evaluate(*expression.operands[0]);
  if (!run_.ok()) return {};
  if (JinjaIsTrue(condition)) return Evaluate(*expression.operands[1]);
  if (expression.operands[2] != nullptr) return Evaluate(*expression.operands[2]);
  return JinjaValue::Undefined({absl::StrCat("the inline if-expression on line ", expression.line,
                                             " was false and has no else")});
}

JinjaValue JinjaInterpreter::EvaluateComparison(const JinjaExpression& expression) {
  JinjaValue left = Evaluate(*expression.operands[0]);
  for (size_t i = 0; i < expression.names.size(); ++i) {
    JinjaValue right = Evaluate(*expression.operands[i + 1]);
    if (!run_.ok() || !JinjaCompare(run_, expression.names[i], left, right)) {
      return JinjaValue::Bool(false);
    }
    left = std::move(right);
  }
  return JinjaValue::Bool(true);
}

JinjaValue JinjaInterpreter::EvaluateConcatenation(const JinjaExpression& expression) {
  JinjaText text;
  for (const JinjaValue& value : EvaluateAll(expression.operands)) {
    if (!run_.ok()) return {};
    const JinjaText part = JinjaStr(run_, value);
    if (!run_.Grow(text.size(), part.size())) return {};
    text.Append(part);
  }
  return run_.Text(std::move(text));
}

JinjaValue JinjaInterpreter::EvaluateSlice(const JinjaExpression& expression) {
  JinjaValue parts[4];
  for (size_t i = 0; i < 4; ++i) {
    if (expression.operands[i] != nullptr) parts[i] = Evaluate(*expression.operands[i]);
  }
  if (!run_.ok()) return {};
  return JinjaSlice(run_, parts[0], parts[1], parts[2], parts[3]);
}

JinjaValue JinjaInterpreter::EvaluateTest(const JinjaExpression& expression) {
  const JinjaValue value = Evaluate(*expression.operands[0]);
  const JinjaArguments arguments = EvaluateArguments(expression);
  if (!run_.ok()) return {};
  if (expression.function == nullptr) {
    return run_.FailType("no test named " + Quoted(expression.name));
  }
  return expression.function(run_, value, arguments);
}

JinjaValue JinjaInterpreter::EvaluateFilter(const JinjaExpression& expression,
                                            const JinjaValue& piped) {
  const JinjaExpression* operand = expression.operands[0].get();
  JinjaValue value = piped;
  if (operand != nullptr) {
    value = operand->kind == Kind::kFilter ? EvaluateFilter(*operand, piped) : Evaluate(*operand);
  }
  const JinjaArguments arguments = EvaluateArguments(expression);
  if (!run_.Step()) return {};
  run_.SetLine(expression.line);
  if (expression.function == nullptr) {
    return run_.FailType("no filter named " + Quoted(expression.name));
  }
  return expression.function(run_, value, arguments);
}

std::vector<JinjaValue> JinjaInterpreter::EvaluateAll(
    const std::vector<JinjaExpressionPtr>& expressions) {
  std::vector<JinjaValue> values;
  values.reserve(expressions.size());
  for (const auto& expression : expressions) {
    if (!run_.ok()) break;
    values.push_back(Evaluate(*expression));
  }
  return values;
}

JinjaArguments JinjaInterpreter::EvaluateArguments(const JinjaExpression& expression) {
  JinjaArguments arguments;
  for (const JinjaArgument& argument : expression.arguments) {
    if (!run_.ok()) break;
    AddArgument(argument, arguments);
  }
  return arguments;
}

void JinjaInterpreter::AddArgument(const JinjaArgument& argument, JinjaArguments& arguments) {
  JinjaValue value = Evaluate(*argument.value);
  if (!run_.ok()) return;
  switch (argument.kind) {
    case JinjaArgument::Kind::kPositional:
      arguments.positional.push_back(std::move(value));
      return;
    case JinjaArgument::Kind::kNamed:
      arguments.named.emplace_back(argument.name, std::move(value));
      return;
    case JinjaArgument::Kind::kList:
      for (JinjaValue& item : JinjaItems(run_, value)) {
        arguments.positional.push_back(std::move(item));
      }
      return;
    case JinjaArgument::Kind::kDict:
      break;
  }
  if (!value.Is(JinjaValue::Kind::kDict)) {
    run_.FailType("an argument with ** must be a mapping");
    return;
  }
  if (!run_.Make(value.dict().items().size() * 64)) return;
  for (const auto& [key, item] : value.dict().items()) {
    if (!key.Is(JinjaValue::Kind::kString)) {
      run_.FailType("names of arguments must be strings");
      return;
    }
    arguments.named.emplace_back(key.text().bytes(), item);
  }
}

}  // namespace octet

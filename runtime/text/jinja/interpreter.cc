#include "runtime/text/jinja/interpreter.h"

#include <utility>

#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/limits.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using StatementKind = Statement::Kind;

}  // namespace

Text Interpreter::Render(const Body& body, const Layout& layout) {
  Text text;
  output_ = &text;
  const Scope scope(*this, layout, nullptr);
  Execute(body);
  return text;
}

Interpreter::Flow Interpreter::Execute(const Body& body) {
  for (const auto& statement : body) {
    if (!run_.ok()) break;
    const Flow flow = Execute(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::Execute(const Statement& statement) {
  const Level level(run_);
  if (!level.ok()) return Flow::kNext;
  run_.SetLine(statement.line);
  switch (statement.kind) {
    case StatementKind::kData:
      return Print(statement.data.text()), Flow::kNext;
    case StatementKind::kPrint:
      return Print(Evaluate(*statement.subject)), Flow::kNext;
    case StatementKind::kIf:
      return ExecuteIf(statement);
    case StatementKind::kFor:
      return For(statement, ItemsOf(run_, Evaluate(*statement.subject)), 0);
    case StatementKind::kSet:
      return Assign(*statement.target, Evaluate(*statement.subject)), Flow::kNext;
    case StatementKind::kSetBlock:
      return ExecuteSetBlock(statement);
    case StatementKind::kMacro:
      return Assign(*statement.target, MakeMacro(statement)), Flow::kNext;
    case StatementKind::kCallBlock:
      return ExecuteCallBlock(statement), Flow::kNext;
    case StatementKind::kFilterBlock:
      return ExecuteFilterBlock(statement);
    case StatementKind::kWith:
      return ExecuteWith(statement);
    case StatementKind::kGeneration:
      return ExecuteGeneration(statement), Flow::kNext;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::ExecuteIf(const Statement& statement) {
  for (const auto& branch : statement.branches) {
    const bool holds = IsTrue(Evaluate(*branch->subject));
    if (!run_.ok()) return Flow::kNext;
    if (holds) return Execute(branch->body);
  }
  return Execute(statement.otherwise);
}

Interpreter::Flow Interpreter::ExecuteWith(const Statement& statement) {
  std::vector<Value> values = EvaluateAll(statement.defaults);
  if (!run_.ok()) return Flow::kNext;
  const Scope scope(*this, statement.layout, frame_);
  for (size_t i = 0; i < values.size() && run_.ok(); ++i) {
    Assign(*statement.parameters[i], std::move(values[i]));
  }
  return Execute(statement.body);
}

Interpreter::Flow Interpreter::ExecuteSetBlock(const Statement& statement) {
  Value value;
  {
    const Scope scope(*this, statement.layout, frame_);
    Text text;
    const Flow flow = Capture(statement.body, text);
    if (flow != Flow::kNext || !run_.ok()) return flow;
    value = run_.Text(std::move(text));
    if (statement.filter != nullptr) value = EvaluateFilter(*statement.filter, value);
  }
  Assign(*statement.target, std::move(value));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::ExecuteFilterBlock(const Statement& statement) {
  const Scope scope(*this, statement.layout, frame_);
  Text text;
  const Flow flow = Capture(statement.body, text);
  if (flow != Flow::kNext || !run_.ok()) return flow;
  Print(EvaluateFilter(*statement.filter, run_.Text(std::move(text))));
  return Flow::kNext;
}

void Interpreter::ExecuteGeneration(const Statement& statement) {
  const Scope scope(*this, statement.layout, frame_);
  Execute(statement.body);
}

void Interpreter::ExecuteCallBlock(const Statement& statement) {
  const Expression& call = *statement.subject;
  const Value caller = MakeMacro(statement);
  const Value callee = Evaluate(*call.operands[0]);
  Arguments arguments = EvaluateArguments(call);
  arguments.named.emplace_back("caller", caller);
  if (run_.ok()) Print(Call(callee, std::move(arguments)));
}

void Interpreter::Assign(const Expression& target, Value value) {
  if (!run_.ok()) return;
  if (target.kind == Expression::Kind::kName) {
    frame_->At(target.variable) = std::move(value);
    return;
  }
  if (target.kind == Expression::Kind::kNamespaceTarget) return AssignAttribute(target, value);
  std::vector<Value> items = ItemsOf(run_, value);
  if (run_.ok() && items.size() != target.operands.size()) {
    run_.FailType("the number of values does not fit the number of names");
  }
  for (size_t i = 0; i < target.operands.size() && run_.ok(); ++i) {
    Assign(*target.operands[i], std::move(items[i]));
  }
}

void Interpreter::AssignAttribute(const Expression& target, const Value& value) {
  const Value object = Evaluate(*target.operands[0]);
  if (!run_.ok()) return;
  if (!object.Is(Value::Kind::kNamespace)) {
    run_.FailType("only a namespace's attribute can be assigned");
    return;
  }
  if (!run_.Make(sizeof(Value))) return;
  object.name_space().attributes.Set(Value::String(target.name, Value::Origin::kTemplate), value);
}

void Interpreter::Print(const Value& value) {
  if (value.Is(Value::Kind::kString)) return Print(value.text());
  if (!value.Is(Value::Kind::kUndefined)) Print(Str(run_, value));
}

void Interpreter::Print(const Text& text) {
  if (!run_.Read(text.size())) return;
  if (output_->size() + text.size() > kMaxText) {
    run_.Fail(ErrorKind::kLimit, "it prints too much; at most 64 MiB are allowed");
    return;
  }
  output_->Append(text);
}

Interpreter::Flow Interpreter::Capture(const Body& body, Text& captured) {
  Text* const before = std::exchange(output_, &captured);
  const Flow flow = Execute(body);
  output_ = before;
  return flow;
}

Interpreter::Flow Interpreter::For(const Statement& statement, std::vector<Value> items,
                                   int depth0) {
  if (statement.test != nullptr) items = Filtered(statement, std::move(items));
  if (!run_.ok()) return Flow::kNext;
  if (!items.empty()) {
    Loop* loop = nullptr;
    if (statement.loop.used) {
      if (!run_.Make(sizeof(Loop) + items.size() * sizeof(Value))) return Flow::kNext;
      loops_.push_back({items, 0, depth0, std::nullopt, nullptr, frame_});
      loop = &loops_.back();
      if (statement.recursive) {
        loop->recursive = &statement;
        Frames::Keep(frame_);
      }
    }
    Scope scope(*this, statement.layout, frame_);
    for (size_t i = 0; i < items.size() && run_.Step(); ++i) {
      if (i > 0) frames_.Begin(scope.frame(), statement.layout);
      if (loop != nullptr) {
        loop->index0 = i;
        scope.frame().slots[statement.loop.slot] = Value::Of(loop);
      }
      Assign(*statement.target, std::move(items[i]));
      if (Execute(statement.body) == Flow::kBreak) break;
    }
    return Flow::kNext;
  }
  const Scope scope(*this, statement.else_layout, frame_);
  return Execute(statement.otherwise);
}

std::vector<Value> Interpreter::Filtered(const Statement& statement, std::vector<Value> items) {
  const Scope scope(*this, statement.test_layout, frame_);  // its first slots are also the target's
  std::vector<Value> kept;
  for (Value& item : items) {
    if (!run_.Step()) break;
    Assign(*statement.target, item);
    if (IsTrue(Evaluate(*statement.test))) kept.push_back(std::move(item));
  }
  return kept;
}

}  // namespace octet::jinja

#include "runtime/text/jinja_interpreter.h"

#include <utility>

#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_interpreter_scope.h"
#include "runtime/text/jinja_limits.h"
#include "runtime/text/jinja_repr.h"

namespace octet {

using Kind = JinjaStatement::Kind;

JinjaText JinjaInterpreter::Render(const JinjaBody& body, const JinjaLayout& layout) {
  JinjaText text;
  output_ = &text;
  const Scope scope(*this, layout, nullptr);
  Execute(body);
  return text;
}

JinjaInterpreter::Flow JinjaInterpreter::Execute(const JinjaBody& body) {
  for (const auto& statement : body) {
    if (!run_.ok()) break;
    const Flow flow = Execute(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

JinjaInterpreter::Flow JinjaInterpreter::Execute(const JinjaStatement& statement) {
  const JinjaLevel level(run_);
  if (!level.ok()) return Flow::kNext;
  run_.SetLine(statement.line);
  switch (statement.kind) {
    case Kind::kData:
      return Print(statement.data.text()), Flow::kNext;
    case Kind::kPrint:
      return Print(Evaluate(*statement.subject)), Flow::kNext;
    case Kind::kIf:
      return ExecuteIf(statement);
    case Kind::kFor:
      return For(statement, JinjaItems(run_, Evaluate(*statement.subject)), 0);
    case Kind::kSet:
      return Assign(*statement.target, Evaluate(*statement.subject)), Flow::kNext;
    case Kind::kSetBlock:
      return ExecuteSetBlock(statement);
    case Kind::kMacro:
      return Assign(*statement.target, MakeMacro(statement)), Flow::kNext;
    case Kind::kCallBlock:
      return ExecuteCallBlock(statement), Flow::kNext;
    case Kind::kFilterBlock:
      return ExecuteFilterBlock(statement);
    case Kind::kWith:
      return ExecuteWith(statement);
    case Kind::kGeneration:
      return ExecuteGeneration(statement), Flow::kNext;
    case Kind::kBreak:
      return Flow::kBreak;
    case Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

JinjaInterpreter::Flow JinjaInterpreter::ExecuteIf(const JinjaStatement& statement) {
  for (const auto& branch : statement.branches) {
    const bool holds = JinjaIsTrue(Evaluate(*branch->subject));
    if (!run_.ok()) return Flow::kNext;
    if (holds) return Execute(branch->body);
  }
  return Execute(statement.otherwise);
}

JinjaInterpreter::Flow JinjaInterpreter::ExecuteWith(const JinjaStatement& statement) {
  std::vector<JinjaValue> values = EvaluateAll(statement.defaults);
  if (!run_.ok()) return Flow::kNext;
  const Scope scope(*this, statement.layout, frame_);
  for (size_t i = 0; i < values.size() && run_.ok(); ++i) {
    Assign(*statement.parameters[i], std::move(values[i]));
  }
  return Execute(statement.body);
}

JinjaInterpreter::Flow JinjaInterpreter::ExecuteSetBlock(const JinjaStatement& statement) {
  JinjaValue value;
  {
    const Scope scope(*this, statement.layout, frame_);
    JinjaText text;
    const Flow flow = Capture(statement.body, text);
    if (flow != Flow::kNext || !run_.ok()) return flow;
    value = run_.Text(std::move(text));
    if (statement.filter != nullptr) value = EvaluateFilter(*statement.filter, value);
  }
  Assign(*statement.target, std::move(value));
  return Flow::kNext;
}

JinjaInterpreter::Flow JinjaInterpreter::ExecuteFilterBlock(const JinjaStatement& statement) {
  const Scope scope(*this, statement.layout, frame_);
  JinjaText text;
  const Flow flow = Capture(statement.body, text);
  if (flow != Flow::kNext || !run_.ok()) return flow;
  Print(EvaluateFilter(*statement.filter, run_.Text(std::move(text))));
  return Flow::kNext;
}

void JinjaInterpreter::ExecuteGeneration(const JinjaStatement& statement) {
  const Scope scope(*this, statement.layout, frame_);
  Execute(statement.body);
}

void JinjaInterpreter::ExecuteCallBlock(const JinjaStatement& statement) {
  const JinjaExpression& call = *statement.subject;
  const JinjaValue caller = MakeMacro(statement);
  const JinjaValue callee = Evaluate(*call.operands[0]);
  JinjaArguments arguments = EvaluateArguments(call);
  arguments.named.emplace_back("caller", caller);
  if (run_.ok()) Print(Call(callee, std::move(arguments)));
}

void JinjaInterpreter::Assign(const JinjaExpression& target, JinjaValue value) {
  if (!run_.ok()) return;
  if (target.kind == JinjaExpression::Kind::kName) {
    frame_->At(target.variable) = std::move(value);
    return;
  }
  if (target.kind == JinjaExpression::Kind::kNamespaceTarget) return AssignAttribute(target, value);
  std::vector<JinjaValue> items = JinjaItems(run_, value);
  if (run_.ok() && items.size() != target.operands.size()) {
    run_.FailType("the number of values does not fit the number of names");
  }
  for (size_t i = 0; i < target.operands.size() && run_.ok(); ++i) {
    Assign(*target.operands[i], std::move(items[i]));
  }
}

void JinjaInterpreter::AssignAttribute(const JinjaExpression& target, const JinjaValue& value) {
  const JinjaValue object = Evaluate(*target.operands[0]);
  if (!run_.ok()) return;
  if (!object.Is(JinjaValue::Kind::kNamespace)) {
    run_.FailType("only a namespace's attribute can be assigned");
    return;
  }
  if (!run_.Make(sizeof(JinjaValue))) return;
  object.name_space().attributes.Set(JinjaValue::String(target.name, JinjaValue::Origin::kTemplate),
                                     value);
}

void JinjaInterpreter::Print(const JinjaValue& value) {
  if (value.Is(JinjaValue::Kind::kString)) return Print(value.text());
  if (!value.Is(JinjaValue::Kind::kUndefined)) Print(JinjaStr(run_, value));
}

void JinjaInterpreter::Print(const JinjaText& text) {
  if (!run_.Read(text.size())) return;
  if (output_->size() + text.size() > kMaxJinjaText) {
    run_.Fail(JinjaErrorKind::kLimit, "it prints too much; at most 64 MiB are allowed");
    return;
  }
  output_->Append(text);
}

JinjaInterpreter::Flow JinjaInterpreter::Capture(const JinjaBody& body, JinjaText& captured) {
  JinjaText* const before = std::exchange(output_, &captured);
  const Flow flow = Execute(body);
  output_ = before;
  return flow;
}

JinjaInterpreter::Flow JinjaInterpreter::For(const JinjaStatement& statement,
                                             std::vector<JinjaValue> items, int depth0) {
  if (statement.test != nullptr) items = Filtered(statement, std::move(items));
  if (!run_.ok()) return Flow::kNext;
  if (!items.empty()) {
    JinjaLoop* loop = nullptr;
    if (statement.loop.used) {
      if (!run_.Make(sizeof(JinjaLoop) + items.size() * sizeof(JinjaValue))) return Flow::kNext;
      loops_.push_back({items, 0, depth0, std::nullopt, nullptr, frame_});
      loop = &loops_.back();
      if (statement.recursive) {
        loop->recursive = &statement;
        JinjaFrames::Keep(frame_);
      }
    }
    Scope scope(*this, statement.layout, frame_);
    for (size_t i = 0; i < items.size() && run_.Step(); ++i) {
      if (i > 0) frames_.Begin(scope.frame(), statement.layout);
      if (loop != nullptr) {
        loop->index0 = i;
        scope.frame().slots[statement.loop.slot] = JinjaValue::Of(loop);
      }
      Assign(*statement.target, std::move(items[i]));
      if (Execute(statement.body) == Flow::kBreak) break;
    }
    return Flow::kNext;
  }
  const Scope scope(*this, statement.else_layout, frame_);
  return Execute(statement.otherwise);
}

std::vector<JinjaValue> JinjaInterpreter::Filtered(const JinjaStatement& statement,
                                                   std::vector<JinjaValue> items) {
  const Scope scope(*this, statement.test_layout, frame_);  // its first slots are the target's too
  std::vector<JinjaValue> kept;
  for (JinjaValue& item : items) {
    if (!run_.Step()) break;
    Assign(*statement.target, item);
    if (JinjaIsTrue(Evaluate(*statement.test))) kept.push_back(std::move(item));
  }
  return kept;
}

}  // namespace octet

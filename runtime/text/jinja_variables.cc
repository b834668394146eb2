#include "runtime/text/jinja_variables.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/text/jinja_error.h"
#include "runtime/text/jinja_scope.h"
#include "runtime/text/jinja_walk.h"

namespace octet {
namespace {

using Kind = JinjaStatement::Kind;
using ExpressionKind = JinjaExpression::Kind;

// Tells a scope what its statements read and assign, without what lies in scopes inside.
class ScopeReader {
 public:
  explicit ScopeReader(JinjaScope& scope) : scope_(scope) {}

  void Body(const JinjaBody& body) {
    for (const auto& statement : body) Read(*statement);
  }

  void Expression(const JinjaExpression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) scope_.Load(expression->name);
    ForEachOperand(*expression, [&](JinjaExpression& operand) { Expression(&operand); });
  }

  void Target(const JinjaExpression& target, bool as_parameter) {
    if (target.kind == ExpressionKind::kName) {
      as_parameter ? static_cast<void>(scope_.Parameter(target.name)) : scope_.Store(target.name);
    } else if (target.kind == ExpressionKind::kNamespaceTarget) {
      scope_.Load(target.operands[0]->name);
    } else {
      for (const auto& part : target.operands) Target(*part, as_parameter);
    }
  }

 private:
  void Read(const JinjaStatement& statement) {
    switch (statement.kind) {
      case Kind::kIf:
        return ReadIf(statement);
      case Kind::kWith:
        for (const auto& value : statement.defaults) Expression(value.get());
        return;
      case Kind::kSetBlock:
      case Kind::kMacro:
        return Target(*statement.target, /*as_parameter=*/false);
      case Kind::kSet:
        Expression(statement.subject.get());
        return Target(*statement.target, /*as_parameter=*/false);
      case Kind::kFilterBlock:
        return Expression(statement.filter.get());
      default:
        return Expression(statement.subject.get());
    }
  }

  // For jinja2 all elifs are one branch.
  void ReadIf(const JinjaStatement& statement) {
    Expression(statement.branches[0]->subject.get());
    std::vector<JinjaScope::Branch> branches;
    scope_.BeginBranch();
    Body(statement.branches[0]->body);
    branches.push_back(scope_.EndBranch());
    scope_.BeginBranch();
    for (size_t i = 1; i < statement.branches.size(); ++i) {
      ReadElif(*statement.branches[i]);
    }
    branches.push_back(scope_.EndBranch());
    scope_.BeginBranch();
    Body(statement.otherwise);
    branches.push_back(scope_.EndBranch());
    scope_.Merge(std::move(branches));
  }

  // An if of its own, of which only the first branch can hold anything.
  void ReadElif(const JinjaStatement& branch) {
    Expression(branch.subject.get());
    scope_.BeginBranch();
    Body(branch.body);
    std::vector<JinjaScope::Branch> branches(3);
    branches[0] = scope_.EndBranch();
    scope_.Merge(std::move(branches));
  }

  JinjaScope& scope_;
};

class Resolver {
 public:
  JinjaVariables Run(JinjaBody& body) {
    JinjaScope scope(nullptr, variables_.layout);
    ScopeReader(scope).Body(body);
    scope.Finish(variables_.free);
    Body(body, scope);
    return std::move(variables_);
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fail(int line, std::string_view message, JinjaErrorKind kind = JinjaErrorKind::kSyntax) {
    if (status_.ok()) {
      status_ = JinjaError(kind, absl::StrCat("line ", line, ": ", std::string(message)));
    }
  }

  void Body(JinjaBody& body, JinjaScope& scope) {
    for (const auto& statement : body) Statement(*statement, scope);
  }

  void Expression(JinjaExpression* expression, JinjaScope& scope) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) {
      expression->variable = scope.Find(expression->name).value_or(JinjaVariable{});
    }
    ForEachOperand(*expression, [&](JinjaExpression& operand) { Expression(&operand, scope); });
  }

  void Statement(JinjaStatement& statement, JinjaScope& scope) {
    switch (statement.kind) {
      case Kind::kIf:
        Expression(statement.subject.get(), scope);
        Body(statement.branches, scope);
        Body(statement.body, scope);
        return Body(statement.otherwise, scope);
      case Kind::kFor:
        return For(statement, scope);
      case Kind::kMacro:
      case Kind::kCallBlock:
        Expression(statement.target.get(), scope);
        Expression(statement.subject.get(), scope);
        return Macro(statement, scope);
      case Kind::kSetBlock:
      case Kind::kFilterBlock:
      case Kind::kWith:
      case Kind::kGeneration:
        return Block(statement, scope);
      default:
        Expression(statement.target.get(), scope);
        return Expression(statement.subject.get(), scope);
    }
  }

  void For(JinjaStatement& statement, JinjaScope& outer) {
    Expression(statement.subject.get(), outer);
    JinjaScope test(&outer, statement.test_layout);
    ScopeReader(test).Target(*statement.target, /*as_parameter=*/true);
    ScopeReader(test).Expression(statement.test.get());
    test.Finish(variables_.free);
    Expression(statement.test.get(), test);

    JinjaScope scope(&outer, statement.layout);
    ScopeReader(scope).Target(*statement.target, /*as_parameter=*/true);
    if (statement.recursive || !UndeclaredNames(statement.body, {"loop"}).empty()) {
      statement.loop = {true, scope.Parameter("loop")};
    }
    CheckLoopIsFree(statement);
    ScopeReader(scope).Body(statement.body);
    scope.Finish(variables_.free);
    Expression(statement.target.get(), scope);
    Body(statement.body, scope);

    JinjaScope otherwise(&outer, statement.else_layout);
    ScopeReader(otherwise).Body(statement.otherwise);
    otherwise.Finish(variables_.free);
    Body(statement.otherwise, otherwise);
  }

  static bool Assigns(const JinjaExpression* target, std::string_view name) {
    if (target == nullptr) return false;
    if (target->kind == ExpressionKind::kName) return target->name == name;
    if (target->kind != ExpressionKind::kTuple) return false;
    for (const auto& part : target->operands) {
      if (Assigns(part.get(), name)) return true;
    }
    return false;
  }

  void CheckLoopIsFree(const JinjaStatement& statement) {
    bool assigned = Assigns(statement.target.get(), "loop");
    const auto check = [&](const JinjaStatement& inner) {
      assigned = assigned || (inner.kind != Kind::kMacro && Assigns(inner.target.get(), "loop"));
    };
    ForEachStatement(statement.body, check);
    ForEachStatement(statement.otherwise, check);
    if (assigned) Fail(statement.line, "a loop assigns to its special variable 'loop'");
  }

  void Macro(JinjaStatement& statement, JinjaScope& outer) {
    JinjaScope scope(&outer, statement.layout);
    ScopeReader reader(scope);
    std::set<std::string> names;
    for (const auto& parameter : statement.parameters) {
      names.insert(parameter->name);
      reader.Target(*parameter, /*as_parameter=*/true);
    }
    for (const auto& value : statement.defaults) reader.Expression(value.get());
    reader.Body(statement.body);
    const auto undeclared = UndeclaredNames(statement.body, {"caller", "kwargs", "varargs"});
    const auto declare = [&](const std::string& name, JinjaStatement::Special& special) {
      if (!undeclared.contains(name) || names.contains(name)) return;
      special = {true, scope.Parameter(name)};
    };
    if (undeclared.contains("caller") && names.contains("caller")) {
      CheckCallerHasDefault(statement);
    }
    declare("caller", statement.caller);
    declare("kwargs", statement.kwargs);
    declare("varargs", statement.varargs);
    scope.Finish(variables_.free);
    for (const auto& parameter : statement.parameters) Expression(parameter.get(), scope);
    for (const auto& value : statement.defaults) Expression(value.get(), scope);
    Body(statement.body, scope);
  }

  void CheckCallerHasDefault(const JinjaStatement& statement) {
    const size_t required = statement.parameters.size() - statement.defaults.size();
    for (size_t i = 0; i < required; ++i) {
      if (statement.parameters[i]->name == "caller") {
        Fail(statement.line, "the special parameter 'caller' needs a default");
      }
    }
  }

  void Block(JinjaStatement& statement, JinjaScope& outer) {
    Expression(statement.target.get(), outer);
    for (const auto& value : statement.defaults) Expression(value.get(), outer);
    JinjaScope scope(&outer, statement.layout);
    ScopeReader reader(scope);
    for (const auto& parameter : statement.parameters) {
      reader.Target(*parameter, /*as_parameter=*/true);
    }
    reader.Body(statement.body);
    reader.Expression(statement.filter.get());
    scope.Finish(variables_.free);
    for (const auto& parameter : statement.parameters) Expression(parameter.get(), scope);
    Expression(statement.filter.get(), scope);
    Body(statement.body, scope);
  }

  JinjaVariables variables_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<JinjaVariables> ResolveJinjaVariables(JinjaBody& body) {
  Resolver resolver;
  JinjaVariables variables = resolver.Run(body);
  if (!resolver.status().ok()) return resolver.status();
  for (const char* name : {"cycler", "joiner", "lipsum"}) {
    if (variables.free.contains(name)) {
      return JinjaError(JinjaErrorKind::kUnsupported,
                        absl::StrCat("the global '", name, "' is not supported"));
    }
  }
  return variables;
}

}  // namespace octet

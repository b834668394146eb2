#include "runtime/text/jinja/variables.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/scope.h"
#include "runtime/text/jinja/walk.h"

namespace octet::jinja {
namespace {

using StatementKind = Statement::Kind;
using ExpressionKind = Expression::Kind;

// A reader that reports to a scope the names that its statements read and assign, without those of
// inner scopes.
class ScopeReader {
 public:
  explicit ScopeReader(Scope& scope) : scope_(scope) {}

  void ReadBody(const Body& body) {
    for (const auto& statement : body) ReadStatement(*statement);
  }

  void ReadExpression(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) scope_.Load(expression->name);
    ForEachOperand(*expression, [&](Expression& operand) { ReadExpression(&operand); });
  }

  void ReadTarget(const Expression& target, bool as_parameter) {
    if (target.kind == ExpressionKind::kName) {
      as_parameter ? static_cast<void>(scope_.Parameter(target.name)) : scope_.Store(target.name);
    } else if (target.kind == ExpressionKind::kNamespaceTarget) {
      scope_.Load(target.operands[0]->name);
    } else {
      for (const auto& part : target.operands) ReadTarget(*part, as_parameter);
    }
  }

 private:
  void ReadStatement(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::kIf:
        return ReadIf(statement);
      case StatementKind::kWith:
        for (const auto& value : statement.defaults) ReadExpression(value.get());
        return;
      case StatementKind::kSetBlock:
      case StatementKind::kMacro:
        return ReadTarget(*statement.target, /*as_parameter=*/false);
      case StatementKind::kSet:
        ReadExpression(statement.subject.get());
        return ReadTarget(*statement.target, /*as_parameter=*/false);
      case StatementKind::kFilterBlock:
        return ReadExpression(statement.filter.get());
      default:
        return ReadExpression(statement.subject.get());
    }
  }

  // Reads an if. For jinja2 all elifs are one branch.
  void ReadIf(const Statement& statement) {
    ReadExpression(statement.branches[0]->subject.get());
    std::vector<Scope::Branch> branches;
    scope_.BeginBranch();
    ReadBody(statement.branches[0]->body);
    branches.push_back(scope_.EndBranch());
    scope_.BeginBranch();
    for (size_t i = 1; i < statement.branches.size(); ++i) {
      ReadElif(*statement.branches[i]);
    }
    branches.push_back(scope_.EndBranch());
    scope_.BeginBranch();
    ReadBody(statement.otherwise);
    branches.push_back(scope_.EndBranch());
    scope_.Merge(std::move(branches));
  }

  // Reads an elif as an if of its own, with only a first branch.
  void ReadElif(const Statement& branch) {
    ReadExpression(branch.subject.get());
    scope_.BeginBranch();
    ReadBody(branch.body);
    std::vector<Scope::Branch> branches(3);
    branches[0] = scope_.EndBranch();
    scope_.Merge(std::move(branches));
  }

  Scope& scope_;
};

class Resolver {
 public:
  Variables Run(Body& body) {
    Scope scope(nullptr, variables_.layout);
    ScopeReader(scope).ReadBody(body);
    scope.Finish(variables_.free);
    ResolveBody(body, scope);
    return std::move(variables_);
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fail(int line, std::string_view message, ErrorKind kind = ErrorKind::kSyntax) {
    if (status_.ok()) {
      status_ = TemplateError(kind, absl::StrCat("line ", line, ": ", std::string(message)));
    }
  }

  void ResolveBody(Body& body, Scope& scope) {
    for (const auto& statement : body) ResolveStatement(*statement, scope);
  }

  void ResolveExpression(Expression* expression, Scope& scope) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) {
      expression->variable = scope.Find(expression->name).value_or(Variable{});
    }
    ForEachOperand(*expression, [&](Expression& operand) { ResolveExpression(&operand, scope); });
  }

  void ResolveStatement(Statement& statement, Scope& scope) {
    switch (statement.kind) {
      case StatementKind::kIf:
        ResolveExpression(statement.subject.get(), scope);
        ResolveBody(statement.branches, scope);
        ResolveBody(statement.body, scope);
        return ResolveBody(statement.otherwise, scope);
      case StatementKind::kFor:
        return ResolveFor(statement, scope);
      case StatementKind::kMacro:
      case StatementKind::kCallBlock:
        ResolveExpression(statement.target.get(), scope);
        ResolveExpression(statement.subject.get(), scope);
        return ResolveMacro(statement, scope);
      case StatementKind::kSetBlock:
      case StatementKind::kFilterBlock:
      case StatementKind::kWith:
      case StatementKind::kGeneration:
        return ResolveBlock(statement, scope);
      default:
        ResolveExpression(statement.target.get(), scope);
        return ResolveExpression(statement.subject.get(), scope);
    }
  }

  void ResolveFor(Statement& statement, Scope& outer) {
    ResolveExpression(statement.subject.get(), outer);
    Scope test(&outer, statement.test_layout);
    ScopeReader(test).ReadTarget(*statement.target, /*as_parameter=*/true);
    ScopeReader(test).ReadExpression(statement.test.get());
    test.Finish(variables_.free);
    ResolveExpression(statement.test.get(), test);

    Scope scope(&outer, statement.layout);
    ScopeReader(scope).ReadTarget(*statement.target, /*as_parameter=*/true);
    if (statement.recursive || !UndeclaredNames(statement.body, {"loop"}).empty()) {
      statement.loop = {true, scope.Parameter("loop")};
    }
    CheckLoopIsFree(statement);
    ScopeReader(scope).ReadBody(statement.body);
    scope.Finish(variables_.free);
    ResolveExpression(statement.target.get(), scope);
    ResolveBody(statement.body, scope);

    Scope otherwise(&outer, statement.else_layout);
    ScopeReader(otherwise).ReadBody(statement.otherwise);
    otherwise.Finish(variables_.free);
    ResolveBody(statement.otherwise, otherwise);
  }

  static bool Assigns(const Expression* target, std::string_view name) {
    if (target == nullptr) return false;
    if (target->kind == ExpressionKind::kName) return target->name == name;
    if (target->kind != ExpressionKind::kTuple) return false;
    for (const auto& part : target->operands) {
      if (Assigns(part.get(), name)) return true;
    }
    return false;
  }

  void CheckLoopIsFree(const Statement& statement) {
    bool assigned = Assigns(statement.target.get(), "loop");
    const auto check = [&](const Statement& inner) {
      assigned =
          assigned || (inner.kind != StatementKind::kMacro && Assigns(inner.target.get(), "loop"));
    };
    ForEachStatement(statement.body, check);
    ForEachStatement(statement.otherwise, check);
    if (assigned) Fail(statement.line, "a loop assigns to its special variable 'loop'");
  }

  void ResolveMacro(Statement& statement, Scope& outer) {
    Scope scope(&outer, statement.layout);
    ScopeReader reader(scope);
    std::set<std::string> names;
    for (const auto& parameter : statement.parameters) {
      names.insert(parameter->name);
      reader.ReadTarget(*parameter, /*as_parameter=*/true);
    }
    for (const auto& value : statement.defaults) reader.ReadExpression(value.get());
    reader.ReadBody(statement.body);
    const auto undeclared = UndeclaredNames(statement.body, {"caller", "kwargs", "varargs"});
    const auto declare = [&](const std::string& name, Statement::Special& special) {
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
    for (const auto& parameter : statement.parameters) ResolveExpression(parameter.get(), scope);
    for (const auto& value : statement.defaults) ResolveExpression(value.get(), scope);
    ResolveBody(statement.body, scope);
  }

  void CheckCallerHasDefault(const Statement& statement) {
    const size_t required = statement.parameters.size() - statement.defaults.size();
    for (size_t i = 0; i < required; ++i) {
      if (statement.parameters[i]->name == "caller") {
        Fail(statement.line, "the special parameter 'caller' needs a default");
      }
    }
  }

  void ResolveBlock(Statement& statement, Scope& outer) {
    ResolveExpression(statement.target.get(), outer);
    for (const auto& value : statement.defaults) ResolveExpression(value.get(), outer);
    Scope scope(&outer, statement.layout);
    ScopeReader reader(scope);
    for (const auto& parameter : statement.parameters) {
      reader.ReadTarget(*parameter, /*as_parameter=*/true);
    }
    reader.ReadBody(statement.body);
    reader.ReadExpression(statement.filter.get());
    scope.Finish(variables_.free);
    for (const auto& parameter : statement.parameters) ResolveExpression(parameter.get(), scope);
    ResolveExpression(statement.filter.get(), scope);
    ResolveBody(statement.body, scope);
  }

  Variables variables_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Variables> ResolveVariables(Body& body) {
  Resolver resolver;
  Variables variables = resolver.Run(body);
  if (!resolver.status().ok()) return resolver.status();
  for (const char* name : {"cycler", "joiner", "lipsum"}) {
    if (variables.free.contains(name)) {
      return TemplateError(ErrorKind::kUnsupported,
                           absl::StrCat("the global '", name, "' is not supported"));
    }
  }
  return variables;
}

}  // namespace octet::jinja

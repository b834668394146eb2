#include "runtime/text/jinja/walk.h"

namespace octet::jinja {
namespace {

class UndeclaredVisitor {
 public:
  UndeclaredVisitor(std::initializer_list<std::string_view> names)
      : names_(names.begin(), names.end()) {}

  void Visit(const Body& body) {
    for (const auto& statement : body) Visit(*statement);
  }

  std::set<std::string> undeclared;

 private:
  void Read(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == Expression::Kind::kName && names_.contains(expression->name)) {
      undeclared.insert(expression->name);
    }
    ForEachOperand(*expression, [&](Expression& operand) { Read(&operand); });
  }

  void Assign(const Expression* target) {
    if (target->kind == Expression::Kind::kName) names_.erase(target->name);
    if (target->kind != Expression::Kind::kTuple) return;
    for (const auto& part : target->operands) Assign(part.get());
  }

  void Visit(const Statement& statement) {
    using Kind = Statement::Kind;
    if (statement.target != nullptr && statement.kind != Kind::kMacro) {
      Assign(statement.target.get());
    }
    if (statement.kind == Kind::kSetBlock) Read(statement.filter.get());
    Read(statement.subject.get());
    for (const auto& parameter : statement.parameters) Assign(parameter.get());
    for (const auto& value : statement.defaults) Read(value.get());
    Visit(statement.branches);
    Visit(statement.body);
    Visit(statement.otherwise);
    Read(statement.test.get());
    if (statement.kind == Kind::kFilterBlock) Read(statement.filter.get());
  }

  std::set<std::string, std::less<>> names_;
};

}  // namespace

void ForEachOperand(const Expression& expression, absl::FunctionRef<void(Expression&)> visit) {
  for (const auto& operand : expression.operands) {
    if (operand != nullptr) visit(*operand);
  }
  for (const Argument& argument : expression.arguments) visit(*argument.value);
}

void ForEachStatement(const Body& body, absl::FunctionRef<void(const Statement&)> visit) {
  for (const auto& statement : body) {
    visit(*statement);
    ForEachStatement(statement->branches, visit);
    ForEachStatement(statement->body, visit);
    ForEachStatement(statement->otherwise, visit);
  }
}

std::set<std::string> UndeclaredNames(const Body& body,
                                      std::initializer_list<std::string_view> names) {
  UndeclaredVisitor visitor(names);
  visitor.Visit(body);
  return std::move(visitor.undeclared);
}

}  // namespace octet::jinja

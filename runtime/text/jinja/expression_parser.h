// The parser of a template's expressions.

#ifndef OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_
#define OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_

#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja/ast.h"
#include "runtime/text/jinja/token_stream.h"

namespace octet::jinja {

// A parser with jinja2's grammar, its precedences and its oddities. If `stream` has an error,
// results may be null.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  enum class Conditional { kAllowed, kNotAllowed };  // whether "x if y" needs no brackets

  ExpressionPtr Parse(Conditional conditional = Conditional::kAllowed);
  // Parses an expression or, with commas, a tuple. It also ends at the name `end`.
  ExpressionPtr ParseTuple(Conditional conditional = Conditional::kAllowed,
                           std::string_view end = "");
  // Parses the target of an assignment: names, tuples of them and, with `with_namespace`, a
  // namespace's attribute.
  ExpressionPtr ParseTarget(std::string_view end, bool with_namespace);
  ExpressionPtr ParseNameTarget();
  // Parses filters. The first one may lack its "|"; the innermost has no operand.
  ExpressionPtr ParseFilters(bool first_without_bar);

  // Between these calls, jinja2 looks up filters and tests only when it reaches them.
  void EnterSoft() { ++soft_; }
  void LeaveSoft() { --soft_; }
  // Between these calls, in a tag with a scope of its own, jinja2 looks them up in advance.
  int EnterHard() { return std::exchange(soft_, 0); }
  void LeaveHard(int soft) { soft_ = soft; }

 private:
  using Kind = Expression::Kind;

  ExpressionPtr Made(ExpressionPtr node);
  ExpressionPtr Make(Kind kind, int line, ExpressionPtr first = nullptr,
                     ExpressionPtr second = nullptr, std::string_view name = "");
  ExpressionPtr Constant(int line, Value value);

  ExpressionPtr ParseConditional();
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseComparison();
  bool ParseComparisonOperator(Expression& node);
  ExpressionPtr ParseSum();
  ExpressionPtr ParseConcatenation();
  ExpressionPtr ParseProduct();
  ExpressionPtr ParsePower();
  ExpressionPtr ParseUnary(bool with_filters);
  ExpressionPtr ParsePrimary();
  ExpressionPtr ParseName();
  ExpressionPtr ParseStrings();
  ExpressionPtr ParseBrackets();
  ExpressionPtr ParseList();
  ExpressionPtr ParseDict();
  ExpressionPtr ParsePostfix(ExpressionPtr node);
  ExpressionPtr ParseFilterExpression(ExpressionPtr node);
  ExpressionPtr ParseAttribute(ExpressionPtr node);
  ExpressionPtr ParseItem(ExpressionPtr node);
  ExpressionPtr ParseSubscript(ExpressionPtr& object);
  ExpressionPtr ParseSliceRest(int line, ExpressionPtr object, ExpressionPtr start);
  ExpressionPtr ParseCall(ExpressionPtr node);
  void ParseArguments(Expression& node);
  Argument ParseArgument(const Expression& node);
  ExpressionPtr ParseFilter(ExpressionPtr operand);
  ExpressionPtr ParseTest(ExpressionPtr node);
  bool AtTestOperand() const;
  void LookUp(Expression& node);
  void CheckTarget(const Expression* target);

  TokenStream& stream_;
  int soft_ = 0;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_

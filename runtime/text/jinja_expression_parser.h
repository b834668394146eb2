// Expressions of a template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_
#define OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_

#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja_ast.h"
#include "runtime/text/jinja_token_stream.h"

namespace octet {

// Follows jinja2's grammar, its precedences and its oddities. Where `stream` has an error, what is
// returned may be null.
class JinjaExpressionParser {
 public:
  explicit JinjaExpressionParser(JinjaTokenStream& stream) : stream_(stream) {}

  enum class Conditional { kAllowed, kNotAllowed };  // whether "x if y" may stand without brackets

  JinjaExpressionPtr Parse(Conditional conditional = Conditional::kAllowed);
  // An expression or, with commas, a tuple. `end`: a name at which it ends besides.
  JinjaExpressionPtr ParseTuple(Conditional conditional = Conditional::kAllowed,
                                std::string_view end = "");
  // What a value is assigned to: names, tuples of them and, `with_namespace`, a namespace's
  // attribute.
  JinjaExpressionPtr ParseTarget(std::string_view end, bool with_namespace);
  JinjaExpressionPtr ParseNameTarget();
  // Filters, the first of which may stand without "|"; the innermost has no operand.
  JinjaExpressionPtr ParseFilters(bool first_without_bar);

  // jinja2 looks up filters and tests when they are reached, not before, in here.
  void EnterSoft() { ++soft_; }
  void LeaveSoft() { --soft_; }
  // A tag with a scope of its own: there it looks them up before.
  int EnterHard() { return std::exchange(soft_, 0); }
  void LeaveHard(int soft) { soft_ = soft; }

 private:
  using Kind = JinjaExpression::Kind;

  JinjaExpressionPtr Made(JinjaExpressionPtr node);
  JinjaExpressionPtr Make(Kind kind, int line, JinjaExpressionPtr first = nullptr,
                          JinjaExpressionPtr second = nullptr, std::string_view name = "");
  JinjaExpressionPtr Constant(int line, JinjaValue value);

  JinjaExpressionPtr ParseConditional();
  JinjaExpressionPtr ParseOr();
  JinjaExpressionPtr ParseAnd();
  JinjaExpressionPtr ParseNot();
  JinjaExpressionPtr ParseComparison();
  bool ParseComparisonOperator(JinjaExpression& node);
  JinjaExpressionPtr ParseSum();
  JinjaExpressionPtr ParseConcatenation();
  JinjaExpressionPtr ParseProduct();
  JinjaExpressionPtr ParsePower();
  JinjaExpressionPtr ParseUnary(bool with_filters);
  JinjaExpressionPtr ParsePrimary();
  JinjaExpressionPtr ParseName();
  JinjaExpressionPtr ParseStrings();
  JinjaExpressionPtr ParseBrackets();
  JinjaExpressionPtr ParseList();
  JinjaExpressionPtr ParseDict();
  JinjaExpressionPtr ParsePostfix(JinjaExpressionPtr node);
  JinjaExpressionPtr ParseFilterExpression(JinjaExpressionPtr node);
  JinjaExpressionPtr ParseAttribute(JinjaExpressionPtr node);
  JinjaExpressionPtr ParseItem(JinjaExpressionPtr node);
  JinjaExpressionPtr ParseSubscript(JinjaExpressionPtr& object);
  JinjaExpressionPtr ParseSliceRest(int line, JinjaExpressionPtr object, JinjaExpressionPtr start);
  JinjaExpressionPtr ParseCall(JinjaExpressionPtr node);
  void ParseArguments(JinjaExpression& node);
  JinjaArgument ParseArgument(const JinjaExpression& node);
  JinjaExpressionPtr ParseFilter(JinjaExpressionPtr operand);
  JinjaExpressionPtr ParseTest(JinjaExpressionPtr node);
  bool AtTestOperand() const;
  void LookUp(JinjaExpression& node);
  void CheckTarget(const JinjaExpression* target);

  JinjaTokenStream& stream_;
  int soft_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_EXPRESSION_PARSER_H_

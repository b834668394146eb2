#include "runtime/text/jinja_expression_parser.h"

#include <algorithm>
#include <utility>

#include "runtime/text/jinja_limits.h"

namespace octet {
namespace {

using Token = JinjaToken::Kind;

bool IsReserved(std::string_view name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
         name == "None";
}

// For jinja2 HTML, which escapes what it is added to.
bool IsMarkup(const JinjaExpression& node) {
  return node.kind == JinjaExpression::Kind::kFilter &&
         (node.name == "safe" || node.name == "escape" || node.name == "e");
}

}  // namespace

JinjaExpressionPtr JinjaExpressionParser::Made(JinjaExpressionPtr node) {
  for (const auto& operand : node->operands) {
    if (operand != nullptr) node->height = std::max(node->height, operand->height + 1);
  }
  for (const JinjaArgument& argument : node->arguments) {
    if (argument.value != nullptr)
      node->height = std::max(node->height, argument.value->height + 1);
  }
  if (node->kind == Kind::kBinary && std::any_of(node->operands.begin(), node->operands.end(),
                                                 [](const auto& it) { return IsMarkup(*it); })) {
    stream_.Fail("an operator on what 'safe' or 'escape' gives is not supported; use ~",
                 JinjaErrorKind::kUnsupported);
  }
  if (node->height > kMaxJinjaExpressionHeight) {
    stream_.Fail("an expression has too many operators in a row; 200 are allowed",
                 JinjaErrorKind::kLimit);
  }
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::Make(Kind kind, int line, JinjaExpressionPtr first,
                                               JinjaExpressionPtr second, std::string_view name) {
  auto node = std::make_unique<JinjaExpression>();
  node->kind = kind;
  node->line = line;
  node->name = name;
  if (first != nullptr) node->operands.push_back(std::move(first));
  if (second != nullptr) node->operands.push_back(std::move(second));
  return Made(std::move(node));
}

JinjaExpressionPtr JinjaExpressionParser::Constant(int line, JinjaValue value) {
  auto node = Make(Kind::kConstant, line);
  node->value = std::move(value);
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::Parse(Conditional conditional) {
  JinjaExpressionPtr node;
  if (stream_.Enter()) {
    node = conditional == Conditional::kAllowed ? ParseConditional() : ParseOr();
  }
  stream_.Leave();
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::ParseConditional() {
  const int line = stream_.line();
  JinjaExpressionPtr node = ParseOr();
  while (stream_.SkipName("if")) {
    JinjaExpressionPtr condition = ParseOr();
    JinjaExpressionPtr otherwise = stream_.SkipName("else") ? Parse() : nullptr;
    node = Make(Kind::kConditional, line, std::move(condition), std::move(node));
    node->operands.resize(2);
    node->operands.push_back(std::move(otherwise));
    node = Made(std::move(node));
  }
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::ParseOr() {
  const int line = stream_.line();
  JinjaExpressionPtr left = ParseAnd();
  while (stream_.SkipName("or")) left = Make(Kind::kOr, line, std::move(left), ParseAnd());
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::ParseAnd() {
  const int line = stream_.line();
  JinjaExpressionPtr left = ParseNot();
  while (stream_.SkipName("and")) left = Make(Kind::kAnd, line, std::move(left), ParseNot());
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::ParseNot() {
  const int line = stream_.line();
  if (!stream_.SkipName("not")) return ParseComparison();
  JinjaExpressionPtr node;
  if (stream_.Enter()) node = Make(Kind::kNot, line, ParseNot());
  stream_.Leave();
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::ParseComparison() {
  JinjaExpressionPtr first = ParseSum();
  auto node = std::make_unique<JinjaExpression>();
  node->kind = Kind::kCompare;
  node->line = stream_.line();
  while (ParseComparisonOperator(*node)) {
    if (first != nullptr) node->operands.push_back(std::move(first));
    node->operands.push_back(ParseSum());
  }
  return node->names.empty() ? std::move(first) : Made(std::move(node));
}

bool JinjaExpressionParser::ParseComparisonOperator(JinjaExpression& node) {
  for (const std::string_view op : {"==", "!=", "<", "<=", ">", ">="}) {
    if (stream_.SkipOperator(op)) {
      node.names.emplace_back(op);
      return true;
    }
  }
  if (stream_.SkipName("in")) {
    node.names.emplace_back("in");
    return true;
  }
  if (!stream_.AtName("not") || !stream_.BeforeName("in")) return false;
  stream_.Next();
  stream_.Next();
  node.names.emplace_back("not in");
  return true;
}

JinjaExpressionPtr JinjaExpressionParser::ParseSum() {
  JinjaExpressionPtr left = ParseConcatenation();
  while (stream_.AtOperator("+") || stream_.AtOperator("-")) {
    const JinjaToken& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParseConcatenation(), op.text);
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::ParseConcatenation() {
  const int line = stream_.line();
  JinjaExpressionPtr first = ParseProduct();
  if (!stream_.AtOperator("~")) return first;
  JinjaExpressionPtr node = Make(Kind::kConcatenate, line, std::move(first));
  while (stream_.SkipOperator("~")) node->operands.push_back(ParseProduct());
  return Made(std::move(node));
}

JinjaExpressionPtr JinjaExpressionParser::ParseProduct() {
  JinjaExpressionPtr left = ParsePower();
  while (stream_.AtOperator("*") || stream_.AtOperator("/") || stream_.AtOperator("//") ||
         stream_.AtOperator("%")) {
    const JinjaToken& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParsePower(), op.text);
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::ParsePower() {
  JinjaExpressionPtr left = ParseUnary(/*with_filters=*/true);
  while (stream_.AtOperator("**")) {
    const JinjaToken& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParseUnary(true), op.text);
  }
  return left;
}

JinjaExpressionPtr JinjaExpressionParser::ParseUnary(bool with_filters) {
  const int line = stream_.line();
  JinjaExpressionPtr node;
  if (stream_.AtOperator("-") || stream_.AtOperator("+")) {
    const Kind kind = stream_.Next().text == "-" ? Kind::kNegative : Kind::kPositive;
    if (stream_.Enter()) node = Make(kind, line, ParseUnary(/*with_filters=*/false));
    stream_.Leave();
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filters ? ParseFilterExpression(std::move(node)) : std::move(node);
}

JinjaExpressionPtr JinjaExpressionParser::ParsePrimary() {
  const int line = stream_.line();
  switch (stream_.current().kind) {
    case Token::kName:
      return ParseName();
    case Token::kString:
      return ParseStrings();
    case Token::kInteger:
      return Constant(line, JinjaValue::Int(stream_.Next().integer));
    case Token::kFloat:
      return Constant(line, JinjaValue::Float(stream_.Next().number));
    default:
      return ParseBrackets();
  }
}

JinjaExpressionPtr JinjaExpressionParser::ParseName() {
  const JinjaToken& token = stream_.Next();
  if (token.text == "true" || token.text == "True") {
    return Constant(token.line, JinjaValue::Bool(true));
  }
  if (token.text == "false" || token.text == "False") {
    return Constant(token.line, JinjaValue::Bool(false));
  }
  if (token.text == "none" || token.text == "None") return Constant(token.line, {});
  return Make(Kind::kName, token.line, nullptr, nullptr, token.text);
}

JinjaExpressionPtr JinjaExpressionParser::ParseStrings() {
  const int line = stream_.line();
  std::string text;
  while (stream_.At(Token::kString)) text += stream_.Next().text;
  return Constant(line, JinjaValue::String(text, JinjaValue::Origin::kTemplate));
}

JinjaExpressionPtr JinjaExpressionParser::ParseBrackets() {
  const int line = stream_.line();
  if (stream_.SkipOperator("(")) {
    if (stream_.SkipOperator(")")) return Make(Kind::kTuple, line);
    JinjaExpressionPtr node = ParseTuple();
    stream_.ExpectOperator(")");
    return node;
  }
  if (stream_.AtOperator("[")) return ParseList();
  if (stream_.AtOperator("{")) return ParseDict();
  stream_.FailUnexpected();
  return nullptr;
}

JinjaExpressionPtr JinjaExpressionParser::ParseTuple(Conditional conditional,
                                                     std::string_view end) {
  const int line = stream_.line();
  const auto at_end = [&] {
    return stream_.At(Token::kPrintEnd) || stream_.At(Token::kTagEnd) || stream_.AtOperator(")") ||
           stream_.At(Token::kEnd) || (!end.empty() && stream_.AtName(end));
  };
  if (at_end()) {
    stream_.FailUnexpected();
    return nullptr;
  }
  JinjaExpressionPtr first = Parse(conditional);
  if (!stream_.AtOperator(",")) return first;
  JinjaExpressionPtr tuple = Make(Kind::kTuple, line, std::move(first));
  while (stream_.SkipOperator(",") && !at_end()) tuple->operands.push_back(Parse(conditional));
  return Made(std::move(tuple));
}

JinjaExpressionPtr JinjaExpressionParser::ParseList() {
  JinjaExpressionPtr list = Make(Kind::kList, stream_.line());
  stream_.ExpectOperator("[");
  while (stream_.ok() && !stream_.AtOperator("]")) {
    list->operands.push_back(Parse());
    if (!stream_.AtOperator("]")) stream_.ExpectOperator(",");
  }
  stream_.ExpectOperator("]");
  return Made(std::move(list));
}

JinjaExpressionPtr JinjaExpressionParser::ParseDict() {
  JinjaExpressionPtr dict = Make(Kind::kDict, stream_.line());
  stream_.ExpectOperator("{");
  while (stream_.ok() && !stream_.AtOperator("}")) {
    dict->operands.push_back(Parse());
    stream_.ExpectOperator(":");
    dict->operands.push_back(Parse());
    if (!stream_.AtOperator("}")) stream_.ExpectOperator(",");
  }
  stream_.ExpectOperator("}");
  return Made(std::move(dict));
}

JinjaExpressionPtr JinjaExpressionParser::ParseNameTarget() {
  const int line = stream_.line();
  JinjaExpressionPtr target = Make(Kind::kName, line, nullptr, nullptr, stream_.ExpectAnyName());
  CheckTarget(target.get());
  return target;
}

JinjaExpressionPtr JinjaExpressionParser::ParseTarget(std::string_view end, bool with_namespace) {
  const int line = stream_.line();
  if (with_namespace && stream_.At(Token::kName) && stream_.BeforeOperator(".")) {
    JinjaExpressionPtr name = ParseNameTarget();
    stream_.ExpectOperator(".");
    return Make(Kind::kNamespaceTarget, line, std::move(name), nullptr, stream_.ExpectAnyName());
  }
  const auto at_end = [&] {
    return stream_.At(Token::kTagEnd) || stream_.AtOperator(")") || stream_.At(Token::kEnd) ||
           (!end.empty() && stream_.AtName(end));
  };
  JinjaExpressionPtr target;
  if (at_end()) {
    stream_.FailUnexpected();
    return target;
  }
  if (!stream_.Enter()) return stream_.Leave(), std::move(target);
  target = ParsePrimary();
  if (stream_.AtOperator(",")) {
    target = Make(Kind::kTuple, line, std::move(target));
    while (stream_.SkipOperator(",") && !at_end()) target->operands.push_back(ParsePrimary());
  }
  stream_.Leave();
  CheckTarget(target.get());
  return target;
}

void JinjaExpressionParser::CheckTarget(const JinjaExpression* target) {
  if (target == nullptr) return;
  if (target->kind == Kind::kTuple) {
    for (const auto& part : target->operands) CheckTarget(part.get());
  } else if (target->kind != Kind::kName || IsReserved(target->name)) {
    stream_.Fail("nothing can be assigned to what stands here");
  }
}

}  // namespace octet

#include "runtime/text/jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "runtime/text/jinja/limits.h"

namespace octet::jinja {
namespace {

using TokenKind = Token::Kind;

bool IsReserved(std::string_view name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
         name == "None";
}

// Returns whether jinja2 treats the value as HTML, and so escapes the text that it is added to.
bool IsMarkup(const Expression& node) {
  return node.kind == Expression::Kind::kFilter &&
         (node.name == "safe" || node.name == "escape" || node.name == "e");
}

}  // namespace

ExpressionPtr ExpressionParser::Made(ExpressionPtr node) {
  for (const auto& operand : node->operands) {
    if (operand != nullptr) node->height = std::max(node->height, operand->height + 1);
  }
  for (const Argument& argument : node->arguments) {
    if (argument.value != nullptr)
      node->height = std::max(node->height, argument.value->height + 1);
  }
  if (node->kind == Kind::kBinary && std::any_of(node->operands.begin(), node->operands.end(),
                                                 [](const auto& it) { return IsMarkup(*it); })) {
    stream_.Fail("an operator on what 'safe' or 'escape' gives is not supported; use ~",
                 ErrorKind::kUnsupported);
  }
  if (node->height > kMaxExpressionHeight) {
    stream_.Fail("an expression has too many operators in a row; 200 are allowed",
                 ErrorKind::kLimit);
  }
  return node;
}

ExpressionPtr ExpressionParser::Make(Kind kind, int line, ExpressionPtr first, ExpressionPtr second,
                                     std::string_view name) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->name = name;
  if (first != nullptr) node->operands.push_back(std::move(first));
  if (second != nullptr) node->operands.push_back(std::move(second));
  return Made(std::move(node));
}

ExpressionPtr ExpressionParser::Constant(int line, Value value) {
  auto node = Make(Kind::kConstant, line);
  node->value = std::move(value);
  return node;
}

ExpressionPtr ExpressionParser::Parse(Conditional conditional) {
  ExpressionPtr node;
  if (stream_.Enter()) {
    node = conditional == Conditional::kAllowed ? ParseConditional() : ParseOr();
  }
  stream_.Leave();
  return node;
}

ExpressionPtr ExpressionParser::ParseConditional() {
  const int line = stream_.line();
  ExpressionPtr node = ParseOr();
  while (stream_.SkipName("if")) {
    ExpressionPtr condition = ParseOr();
    ExpressionPtr otherwise = stream_.SkipName("else") ? Parse() : nullptr;
    node = Make(Kind::kConditional, line, std::move(condition), std::move(node));
    node->operands.resize(2);
    node->operands.push_back(std::move(otherwise));
    node = Made(std::move(node));
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseOr() {
  const int line = stream_.line();
  ExpressionPtr left = ParseAnd();
  while (stream_.SkipName("or")) left = Make(Kind::kOr, line, std::move(left), ParseAnd());
  return left;
}

ExpressionPtr ExpressionParser::ParseAnd() {
  const int line = stream_.line();
  ExpressionPtr left = ParseNot();
  while (stream_.SkipName("and")) left = Make(Kind::kAnd, line, std::move(left), ParseNot());
  return left;
}

ExpressionPtr ExpressionParser::ParseNot() {
  const int line = stream_.line();
  if (!stream_.SkipName("not")) return ParseComparison();
  ExpressionPtr node;
  if (stream_.Enter()) node = Make(Kind::kNot, line, ParseNot());
  stream_.Leave();
  return node;
}

ExpressionPtr ExpressionParser::ParseComparison() {
  ExpressionPtr first = ParseSum();
  auto node = std::make_unique<Expression>();
  node->kind = Kind::kCompare;
  node->line = stream_.line();
  while (ParseComparisonOperator(*node)) {
    if (first != nullptr) node->operands.push_back(std::move(first));
    node->operands.push_back(ParseSum());
  }
  return node->names.empty() ? std::move(first) : Made(std::move(node));
}

bool ExpressionParser::ParseComparisonOperator(Expression& node) {
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

ExpressionPtr ExpressionParser::ParseSum() {
  ExpressionPtr left = ParseConcatenation();
  while (stream_.AtOperator("+") || stream_.AtOperator("-")) {
    const Token& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParseConcatenation(), op.text);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseConcatenation() {
  const int line = stream_.line();
  ExpressionPtr first = ParseProduct();
  if (!stream_.AtOperator("~")) return first;
  ExpressionPtr node = Make(Kind::kConcatenate, line, std::move(first));
  while (stream_.SkipOperator("~")) node->operands.push_back(ParseProduct());
  return Made(std::move(node));
}

ExpressionPtr ExpressionParser::ParseProduct() {
  ExpressionPtr left = ParsePower();
  while (stream_.AtOperator("*") || stream_.AtOperator("/") || stream_.AtOperator("//") ||
         stream_.AtOperator("%")) {
    const Token& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParsePower(), op.text);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParsePower() {
  ExpressionPtr left = ParseUnary(/*with_filters=*/true);
  while (stream_.AtOperator("**")) {
    const Token& op = stream_.Next();
    left = Make(Kind::kBinary, op.line, std::move(left), ParseUnary(true), op.text);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseUnary(bool with_filters) {
  const int line = stream_.line();
  ExpressionPtr node;
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

ExpressionPtr ExpressionParser::ParsePrimary() {
  const int line = stream_.line();
  switch (stream_.current().kind) {
    case TokenKind::kName:
      return ParseName();
    case TokenKind::kString:
      return ParseStrings();
    case TokenKind::kInteger:
      return Constant(line, Value::Int(stream_.Next().integer));
    case TokenKind::kFloat:
      return Constant(line, Value::Float(stream_.Next().number));
    default:
      return ParseBrackets();
  }
}

ExpressionPtr ExpressionParser::ParseName() {
  const Token& token = stream_.Next();
  if (token.text == "true" || token.text == "True") {
    return Constant(token.line, Value::Bool(true));
  }
  if (token.text == "false" || token.text == "False") {
    return Constant(token.line, Value::Bool(false));
  }
  if (token.text == "none" || token.text == "None") return Constant(token.line, {});
  return Make(Kind::kName, token.line, nullptr, nullptr, token.text);
}

ExpressionPtr ExpressionParser::ParseStrings() {
  const int line = stream_.line();
  std::string text;
  while (stream_.At(TokenKind::kString)) text += stream_.Next().text;
  return Constant(line, Value::String(text, Value::Origin::kTemplate));
}

ExpressionPtr ExpressionParser::ParseBrackets() {
  const int line = stream_.line();
  if (stream_.SkipOperator("(")) {
    if (stream_.SkipOperator(")")) return Make(Kind::kTuple, line);
    ExpressionPtr node = ParseTuple();
    stream_.ExpectOperator(")");
    return node;
  }
  if (stream_.AtOperator("[")) return ParseList();
  if (stream_.AtOperator("{")) return ParseDict();
  stream_.FailUnexpected();
  return nullptr;
}

ExpressionPtr ExpressionParser::ParseTuple(Conditional conditional, std::string_view end) {
  const int line = stream_.line();
  const auto at_end = [&] {
    return stream_.At(TokenKind::kPrintEnd) || stream_.At(TokenKind::kTagEnd) ||
           stream_.AtOperator(")") || stream_.At(TokenKind::kEnd) ||
           (!end.empty() && stream_.AtName(end));
  };
  if (at_end()) {
    stream_.FailUnexpected();
    return nullptr;
  }
  ExpressionPtr first = Parse(conditional);
  if (!stream_.AtOperator(",")) return first;
  ExpressionPtr tuple = Make(Kind::kTuple, line, std::move(first));
  while (stream_.SkipOperator(",") && !at_end()) tuple->operands.push_back(Parse(conditional));
  return Made(std::move(tuple));
}

ExpressionPtr ExpressionParser::ParseList() {
  ExpressionPtr list = Make(Kind::kList, stream_.line());
  stream_.ExpectOperator("[");
  while (stream_.ok() && !stream_.AtOperator("]")) {
    list->operands.push_back(Parse());
    if (!stream_.AtOperator("]")) stream_.ExpectOperator(",");
  }
  stream_.ExpectOperator("]");
  return Made(std::move(list));
}

ExpressionPtr ExpressionParser::ParseDict() {
  ExpressionPtr dict = Make(Kind::kDict, stream_.line());
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

ExpressionPtr ExpressionParser::ParseNameTarget() {
  const int line = stream_.line();
  ExpressionPtr target = Make(Kind::kName, line, nullptr, nullptr, stream_.ExpectAnyName());
  CheckTarget(target.get());
  return target;
}

ExpressionPtr ExpressionParser::ParseTarget(std::string_view end, bool with_namespace) {
  const int line = stream_.line();
  if (with_namespace && stream_.At(TokenKind::kName) && stream_.BeforeOperator(".")) {
    ExpressionPtr name = ParseNameTarget();
    stream_.ExpectOperator(".");
    return Make(Kind::kNamespaceTarget, line, std::move(name), nullptr, stream_.ExpectAnyName());
  }
  const auto at_end = [&] {
    return stream_.At(TokenKind::kTagEnd) || stream_.AtOperator(")") ||
           stream_.At(TokenKind::kEnd) || (!end.empty() && stream_.AtName(end));
  };
  ExpressionPtr target;
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

void ExpressionParser::CheckTarget(const Expression* target) {
  if (target == nullptr) return;
  if (target->kind == Kind::kTuple) {
    for (const auto& part : target->operands) CheckTarget(part.get());
  } else if (target->kind != Kind::kName || IsReserved(target->name)) {
    stream_.Fail("nothing can be assigned to what stands here");
  }
}

}  // namespace octet::jinja

// What follows an operand in ExpressionParser: subscripts, calls, filters, tests.

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/expression_parser.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/limits.h"

namespace octet::jinja {
namespace {

using TokenKind = Token::Kind;

std::string DottedName(TokenStream& stream) {
  std::string name = stream.ExpectAnyName();
  while (stream.SkipOperator(".")) absl::StrAppend(&name, ".", stream.ExpectAnyName());
  return name;
}

}  // namespace

ExpressionPtr ExpressionParser::ParsePostfix(ExpressionPtr node) {
  while (stream_.ok()) {
    if (stream_.AtOperator(".")) {
      node = ParseAttribute(std::move(node));
    } else if (stream_.AtOperator("[")) {
      node = ParseItem(std::move(node));
    } else if (stream_.AtOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseFilterExpression(ExpressionPtr node) {
  while (stream_.ok()) {
    if (stream_.SkipOperator("|")) {
      node = ParseFilter(std::move(node));
    } else if (stream_.AtName("is")) {
      node = ParseTest(std::move(node));
    } else if (stream_.AtOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseAttribute(ExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectOperator(".");
  if (stream_.At(TokenKind::kInteger)) {
    const int64_t index = stream_.Next().integer;
    return Make(Kind::kItem, line, std::move(node), Constant(line, Value::Int(index)));
  }
  return Make(Kind::kAttribute, line, std::move(node), nullptr, stream_.ExpectAnyName());
}

ExpressionPtr ExpressionParser::ParseItem(ExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectOperator("[");
  ExpressionPtr index = ParseSubscript(node);
  if (stream_.AtOperator(",")) {
    if (node == nullptr) {
      stream_.Fail("a slice with commas is not supported", ErrorKind::kUnsupported);
    }
    index = Make(Kind::kTuple, line, std::move(index));
    while (stream_.SkipOperator(",")) {
      if (stream_.AtOperator(":")) {
        stream_.Fail("a slice with commas is not supported", ErrorKind::kUnsupported);
      }
      index->operands.push_back(Parse());
    }
    index = Made(std::move(index));
  }
  stream_.ExpectOperator("]");
  if (node == nullptr) return index;  // the slice took it
  return Make(Kind::kItem, line, std::move(node), std::move(index));
}

// Parses an index, or a slice of `object`, which is then moved from.
ExpressionPtr ExpressionParser::ParseSubscript(ExpressionPtr& object) {
  const int line = stream_.line();
  if (stream_.AtOperator(":")) return ParseSliceRest(line, std::move(object), nullptr);
  if (stream_.AtOperator("]")) {  // an empty tuple for jinja2
    return Make(Kind::kTuple, line);
  }
  ExpressionPtr index = Parse();
  if (!stream_.AtOperator(":")) return index;
  return ParseSliceRest(line, std::move(object), std::move(index));
}

ExpressionPtr ExpressionParser::ParseSliceRest(int line, ExpressionPtr object,
                                               ExpressionPtr start) {
  const auto part = [&]() -> ExpressionPtr {
    const bool none = stream_.AtOperator(":") || stream_.AtOperator("]") || stream_.AtOperator(",");
    return none ? nullptr : Parse();
  };
  ExpressionPtr slice = Make(Kind::kSlice, line);
  slice->operands.push_back(std::move(object));
  slice->operands.push_back(std::move(start));
  stream_.ExpectOperator(":");
  slice->operands.push_back(part());
  slice->operands.push_back(stream_.SkipOperator(":") ? part() : nullptr);
  return Made(std::move(slice));
}

ExpressionPtr ExpressionParser::ParseCall(ExpressionPtr node) {
  if (node != nullptr && node->kind == Kind::kAttribute && IsMissingStringMethod(node->name)) {
    stream_.Fail(absl::StrCat("the method '", node->name, "' is not supported"),
                 ErrorKind::kUnsupported);
  }
  ExpressionPtr call = Make(Kind::kCall, stream_.line(), std::move(node));
  ParseArguments(*call);
  return Made(std::move(call));
}

void ExpressionParser::ParseArguments(Expression& node) {
  stream_.ExpectOperator("(");
  while (stream_.ok() && !stream_.AtOperator(")")) {
    node.arguments.push_back(ParseArgument(node));
    if (node.arguments.size() > kMaxArguments) {
      stream_.Fail("a call has more than 250 arguments", ErrorKind::kLimit);
    }
    if (!stream_.AtOperator(")")) stream_.ExpectOperator(",");
  }
  stream_.ExpectOperator(")");
}

Argument ExpressionParser::ParseArgument(const Expression& node) {
  using ArgumentKind = Argument::Kind;
  const auto had = [&](ArgumentKind kind) {
    return std::any_of(node.arguments.begin(), node.arguments.end(),
                       [&](const Argument& argument) { return argument.kind == kind; });
  };
  Argument argument;
  bool valid = !had(ArgumentKind::kDict);
  if (stream_.SkipOperator("*")) {
    argument.kind = ArgumentKind::kList;
    valid = valid && !had(ArgumentKind::kList);
  } else if (stream_.SkipOperator("**")) {
    argument.kind = ArgumentKind::kDict;
  } else if (stream_.At(TokenKind::kName) && stream_.BeforeOperator("=")) {
    argument.kind = ArgumentKind::kNamed;
    argument.name = stream_.Next().text;
    valid = valid && std::none_of(node.arguments.begin(), node.arguments.end(),
                                  [&](const auto& other) { return other.name == argument.name; });
    stream_.Next();
  } else {
    valid = valid && !had(ArgumentKind::kList) && !had(ArgumentKind::kNamed);
  }
  if (!valid) stream_.Fail("the arguments of a call are in a wrong order, or stand twice");
  argument.value = Parse();
  return argument;
}

ExpressionPtr ExpressionParser::ParseFilters(bool first_without_bar) {
  ExpressionPtr node;
  while (stream_.ok() && (std::exchange(first_without_bar, false) || stream_.SkipOperator("|"))) {
    node = ParseFilter(std::move(node));
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseFilter(ExpressionPtr operand) {
  ExpressionPtr filter = Make(Kind::kFilter, stream_.line());
  filter->name = DottedName(stream_);
  filter->operands.push_back(std::move(operand));
  if (stream_.AtOperator("(")) ParseArguments(*filter);
  LookUp(*filter);
  return Made(std::move(filter));
}

bool ExpressionParser::AtTestOperand() const {
  switch (stream_.current().kind) {
    case TokenKind::kName:
      return !stream_.AtName("else") && !stream_.AtName("or") && !stream_.AtName("and");
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return true;
    default:
      return stream_.AtOperator("[") || stream_.AtOperator("{");
  }
}

ExpressionPtr ExpressionParser::ParseTest(ExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectName("is");
  const bool negated = stream_.SkipName("not");
  ExpressionPtr test = Make(Kind::kTest, line, std::move(node));
  test->name = DottedName(stream_);
  if (stream_.AtOperator("(")) {
    ParseArguments(*test);
  } else if (AtTestOperand()) {
    if (stream_.AtName("is")) stream_.Fail("tests with 'is' can't follow each other");
    test->arguments.emplace_back();
    test->arguments.back().value = ParsePostfix(ParsePrimary());
  }
  LookUp(*test);
  test = Made(std::move(test));
  return negated ? Make(Kind::kNot, line, std::move(test)) : std::move(test);
}

void ExpressionParser::LookUp(Expression& node) {
  const bool is_filter = node.kind == Kind::kFilter;
  const Entry* entry = is_filter ? FindFilter(node.name) : FindTest(node.name);
  const std::string_view what = is_filter ? "filter" : "test";
  if (entry == nullptr) {
    if (soft_ > 0) return;
    return stream_.Fail(absl::StrCat("no ", std::string(what), " named ", Quoted(node.name)));
  }
  if (entry->function == nullptr) {
    return stream_.Fail(
        absl::StrCat("the ", std::string(what), " '", node.name, "' is not supported"),
        ErrorKind::kUnsupported);
  }
  node.function = entry->function;
}

}  // namespace octet::jinja

// What follows an operand in JinjaExpressionParser: subscripts, calls, filters, tests.

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja_expression_parser.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_limits.h"

namespace octet {
namespace {

using Token = JinjaToken::Kind;

std::string DottedName(JinjaTokenStream& stream) {
  std::string name = stream.ExpectAnyName();
  while (stream.SkipOperator(".")) absl::StrAppend(&name, ".", stream.ExpectAnyName());
  return name;
}

}  // namespace

JinjaExpressionPtr JinjaExpressionParser::ParsePostfix(JinjaExpressionPtr node) {
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

JinjaExpressionPtr JinjaExpressionParser::ParseFilterExpression(JinjaExpressionPtr node) {
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

JinjaExpressionPtr JinjaExpressionParser::ParseAttribute(JinjaExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectOperator(".");
  if (stream_.At(Token::kInteger)) {
    const int64_t index = stream_.Next().integer;
    return Make(Kind::kItem, line, std::move(node), Constant(line, JinjaValue::Int(index)));
  }
  return Make(Kind::kAttribute, line, std::move(node), nullptr, stream_.ExpectAnyName());
}

JinjaExpressionPtr JinjaExpressionParser::ParseItem(JinjaExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectOperator("[");
  JinjaExpressionPtr index = ParseSubscript(node);
  if (stream_.AtOperator(",")) {
    if (node == nullptr) {
      stream_.Fail("a slice with commas is not supported", JinjaErrorKind::kUnsupported);
    }
    index = Make(Kind::kTuple, line, std::move(index));
    while (stream_.SkipOperator(",")) {
      if (stream_.AtOperator(":")) {
        stream_.Fail("a slice with commas is not supported", JinjaErrorKind::kUnsupported);
      }
      index->operands.push_back(Parse());
    }
    index = Made(std::move(index));
  }
  stream_.ExpectOperator("]");
  if (node == nullptr) return index;  // the slice took it
  return Make(Kind::kItem, line, std::move(node), std::move(index));
}

// An index, or a slice of `object`, which is then moved from.
JinjaExpressionPtr JinjaExpressionParser::ParseSubscript(JinjaExpressionPtr& object) {
  const int line = stream_.line();
  if (stream_.AtOperator(":")) return ParseSliceRest(line, std::move(object), nullptr);
  if (stream_.AtOperator("]")) {  // an empty tuple for jinja2
    return Make(Kind::kTuple, line);
  }
  JinjaExpressionPtr index = Parse();
  if (!stream_.AtOperator(":")) return index;
  return ParseSliceRest(line, std::move(object), std::move(index));
}

JinjaExpressionPtr JinjaExpressionParser::ParseSliceRest(int line, JinjaExpressionPtr object,
                                                         JinjaExpressionPtr start) {
  const auto part = [&]() -> JinjaExpressionPtr {
    const bool none = stream_.AtOperator(":") || stream_.AtOperator("]") || stream_.AtOperator(",");
    return none ? nullptr : Parse();
  };
  JinjaExpressionPtr slice = Make(Kind::kSlice, line);
  slice->operands.push_back(std::move(object));
  slice->operands.push_back(std::move(start));
  stream_.ExpectOperator(":");
  slice->operands.push_back(part());
  slice->operands.push_back(stream_.SkipOperator(":") ? part() : nullptr);
  return Made(std::move(slice));
}

JinjaExpressionPtr JinjaExpressionParser::ParseCall(JinjaExpressionPtr node) {
  if (node != nullptr && node->kind == Kind::kAttribute && IsMissingStringMethod(node->name)) {
    stream_.Fail(absl::StrCat("the method '", node->name, "' is not supported"),
                 JinjaErrorKind::kUnsupported);
  }
  JinjaExpressionPtr call = Make(Kind::kCall, stream_.line(), std::move(node));
  ParseArguments(*call);
  return Made(std::move(call));
}

void JinjaExpressionParser::ParseArguments(JinjaExpression& node) {
  stream_.ExpectOperator("(");
  while (stream_.ok() && !stream_.AtOperator(")")) {
    node.arguments.push_back(ParseArgument(node));
    if (node.arguments.size() > kMaxJinjaArguments) {
      stream_.Fail("a call has more than 250 arguments", JinjaErrorKind::kLimit);
    }
    if (!stream_.AtOperator(")")) stream_.ExpectOperator(",");
  }
  stream_.ExpectOperator(")");
}

JinjaArgument JinjaExpressionParser::ParseArgument(const JinjaExpression& node) {
  using Argument = JinjaArgument::Kind;
  const auto had = [&](Argument kind) {
    return std::any_of(node.arguments.begin(), node.arguments.end(),
                       [&](const JinjaArgument& argument) { return argument.kind == kind; });
  };
  JinjaArgument argument;
  bool valid = !had(Argument::kDict);
  if (stream_.SkipOperator("*")) {
    argument.kind = Argument::kList;
    valid = valid && !had(Argument::kList);
  } else if (stream_.SkipOperator("**")) {
    argument.kind = Argument::kDict;
  } else if (stream_.At(Token::kName) && stream_.BeforeOperator("=")) {
    argument.kind = Argument::kNamed;
    argument.name = stream_.Next().text;
    valid = valid && std::none_of(node.arguments.begin(), node.arguments.end(),
                                  [&](const auto& other) { return other.name == argument.name; });
    stream_.Next();
  } else {
    valid = valid && !had(Argument::kList) && !had(Argument::kNamed);
  }
  if (!valid) stream_.Fail("the arguments of a call are in a wrong order, or stand twice");
  argument.value = Parse();
  return argument;
}

JinjaExpressionPtr JinjaExpressionParser::ParseFilters(bool first_without_bar) {
  JinjaExpressionPtr node;
  while (stream_.ok() && (std::exchange(first_without_bar, false) || stream_.SkipOperator("|"))) {
    node = ParseFilter(std::move(node));
  }
  return node;
}

JinjaExpressionPtr JinjaExpressionParser::ParseFilter(JinjaExpressionPtr operand) {
  JinjaExpressionPtr filter = Make(Kind::kFilter, stream_.line());
  filter->name = DottedName(stream_);
  filter->operands.push_back(std::move(operand));
  if (stream_.AtOperator("(")) ParseArguments(*filter);
  LookUp(*filter);
  return Made(std::move(filter));
}

bool JinjaExpressionParser::AtTestOperand() const {
  switch (stream_.current().kind) {
    case Token::kName:
      return !stream_.AtName("else") && !stream_.AtName("or") && !stream_.AtName("and");
    case Token::kString:
    case Token::kInteger:
    case Token::kFloat:
      return true;
    default:
      return stream_.AtOperator("[") || stream_.AtOperator("{");
  }
}

JinjaExpressionPtr JinjaExpressionParser::ParseTest(JinjaExpressionPtr node) {
  const int line = stream_.line();
  stream_.ExpectName("is");
  const bool negated = stream_.SkipName("not");
  JinjaExpressionPtr test = Make(Kind::kTest, line, std::move(node));
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

void JinjaExpressionParser::LookUp(JinjaExpression& node) {
  const bool is_filter = node.kind == Kind::kFilter;
  const JinjaEntry* entry = is_filter ? FindJinjaFilter(node.name) : FindJinjaTest(node.name);
  const std::string_view what = is_filter ? "filter" : "test";
  if (entry == nullptr) {
    if (soft_ > 0) return;
    return stream_.Fail(absl::StrCat("no ", std::string(what), " named ", Quoted(node.name)));
  }
  if (entry->function == nullptr) {
    return stream_.Fail(
        absl::StrCat("the ", std::string(what), " '", node.name, "' is not supported"),
        JinjaErrorKind::kUnsupported);
  }
  node.function = entry->function;
}

}  // namespace octet

#include "runtime/text/jinja/parser.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/expression_parser.h"
#include "runtime/text/jinja/lexer.h"
#include "runtime/text/jinja/limits.h"
#include "runtime/text/jinja/token_stream.h"

namespace octet::jinja {
namespace {

using StatementKind = Statement::Kind;
using StatementPtr = std::unique_ptr<Statement>;
using TokenKind = Token::Kind;
using Conditional = ExpressionParser::Conditional;
using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : stream_(std::move(tokens)), expressions_(stream_) {}

  absl::StatusOr<Body> Run() {
    Body body = ParseBody({}, "");
    if (!stream_.ok()) return stream_.status();
    return body;
  }

 private:
  StatementPtr Make(StatementKind kind, int line) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->line = line;
    return statement;
  }

  // Parses statements up to the tag that has one of these names, which is then the current token.
  Body ParseBody(Names ends, std::string_view opened_by) {
    Body body;
    while (stream_.ok() && !stream_.At(TokenKind::kEnd)) {
      const int line = stream_.line();
      if (stream_.At(TokenKind::kData)) {
        body.push_back(Make(StatementKind::kData, line));
        body.back()->data = Value::String(stream_.Next().text, Value::Origin::kTemplate);
      } else if (stream_.At(TokenKind::kPrintBegin)) {
        stream_.Next();
        body.push_back(Make(StatementKind::kPrint, line));
        body.back()->subject = expressions_.ParseTuple();
        stream_.Expect(TokenKind::kPrintEnd);
      } else {
        stream_.Expect(TokenKind::kTagBegin);
        if (std::any_of(ends.begin(), ends.end(),
                        [&](std::string_view end) { return stream_.AtName(end); })) {
          return body;
        }
        ParseTag(body);
        stream_.Expect(TokenKind::kTagEnd);
      }
    }
    if (ends.size() > 0) {
      stream_.Fail(absl::StrCat("the template ends inside of {% ", std::string(opened_by),
                                " %}; add {% ", std::string(*(ends.end() - 1)), " %}"));
    }
    return body;
  }

  // Parses the rest of a tag and the body after it, up to an end tag's name.
  Body ParseInner(Names ends, std::string_view opened_by) {
    stream_.SkipOperator(":");
    stream_.Expect(TokenKind::kTagEnd);
    Body body;
    if (stream_.Enter()) body = ParseBody(ends, opened_by);
    stream_.Leave();
    return body;
  }

  // Parses the same in a scope of its own, and takes the name of the one end tag.
  Body ParseScope(std::string_view end, std::string_view opened_by) {
    const int soft = expressions_.EnterHard();
    Body body = ParseInner({end}, opened_by);
    expressions_.LeaveHard(soft);
    stream_.Next();
    return body;
  }

  void ParseTag(Body& body) {
    const int line = stream_.line();
    const std::string name = stream_.ExpectAnyName();
    if (name == "if") return body.push_back(ParseIf(line));
    if (name == "for") return body.push_back(ParseFor(line));
    if (name == "set") return body.push_back(ParseSet(line));
    if (name == "print") return ParsePrint(line, body);
    if (name == "macro") return body.push_back(ParseMacro(line));
    if (name == "call") return body.push_back(ParseCallBlock(line));
    if (name == "filter") return body.push_back(ParseFilterBlock(line));
    if (name == "with") return body.push_back(ParseWith(line));
    if (name == "generation") return body.push_back(ParseGeneration(line));
    if (name == "break") return body.push_back(ParseJump(StatementKind::kBreak, line));
    if (name == "continue") return body.push_back(ParseJump(StatementKind::kContinue, line));
    Refuse(name);
  }

  void Refuse(const std::string& name) {
    for (const std::string_view known :
         {"include", "import", "from", "extends", "block", "autoescape"}) {
      if (name == known) {
        return stream_.Fail(absl::StrCat("the tag {% ", name, " %} is not supported"),
                            ErrorKind::kUnsupported);
      }
    }
    stream_.Fail(absl::StrCat("unknown tag ", Quoted(name)));
  }

  StatementPtr ParseIf(int line) {
    StatementPtr statement = Make(StatementKind::kIf, line);
    expressions_.EnterSoft();
    do {
      statement->branches.push_back(Make(StatementKind::kIf, stream_.line()));
      Statement& branch = *statement->branches.back();
      branch.subject = expressions_.ParseTuple(Conditional::kNotAllowed);
      branch.body = ParseInner({"elif", "else", "endif"}, "if");
    } while (stream_.SkipName("elif"));
    if (stream_.SkipName("else")) statement->otherwise = ParseInner({"endif"}, "if");
    expressions_.LeaveSoft();
    stream_.Next();
    return statement;
  }

  StatementPtr ParseFor(int line) {
    StatementPtr statement = Make(StatementKind::kFor, line);
    statement->target = expressions_.ParseTarget("in", /*with_namespace=*/false);
    stream_.ExpectName("in");
    statement->subject = expressions_.ParseTuple(Conditional::kNotAllowed, "recursive");
    const int soft = expressions_.EnterHard();
    if (stream_.SkipName("if")) statement->test = expressions_.Parse();
    statement->recursive = stream_.SkipName("recursive");
    const int loops = std::exchange(loops_, statement->recursive ? 1 : loops_ + 1);
    statement->body = ParseInner({"else", "endfor"}, "for");
    loops_ = statement->recursive ? 0 : loops;
    if (stream_.SkipName("else")) statement->otherwise = ParseInner({"endfor"}, "for");
    loops_ = loops;
    expressions_.LeaveHard(soft);
    stream_.Next();
    return statement;
  }

  StatementPtr ParseSet(int line) {
    StatementPtr statement = Make(StatementKind::kSet, line);
    statement->target = expressions_.ParseTarget("", /*with_namespace=*/true);
    if (stream_.SkipOperator("=")) {
      statement->subject = expressions_.ParseTuple();
      return statement;
    }
    statement->kind = StatementKind::kSetBlock;
    const int soft = expressions_.EnterHard();
    statement->filter = expressions_.ParseFilters(/*first_without_bar=*/false);
    expressions_.LeaveHard(soft);
    statement->body = ParseScope("endset", "set");
    return statement;
  }

  void ParsePrint(int line, Body& body) {
    while (stream_.ok() && !stream_.At(TokenKind::kTagEnd)) {
      body.push_back(Make(StatementKind::kPrint, line));
      body.back()->subject = expressions_.Parse();
      if (!stream_.At(TokenKind::kTagEnd)) stream_.ExpectOperator(",");
    }
  }

  void ParseSignature(Statement& statement) {
    stream_.ExpectOperator("(");
    while (stream_.ok() && !stream_.AtOperator(")")) {
      if (!statement.parameters.empty()) stream_.ExpectOperator(",");
      statement.parameters.push_back(expressions_.ParseNameTarget());
      if (stream_.SkipOperator("=")) {
        statement.defaults.push_back(expressions_.Parse());
      } else if (!statement.defaults.empty()) {
        stream_.Fail("a parameter without a default follows one that has one");
      }
    }
    stream_.ExpectOperator(")");
    if (statement.parameters.size() > kMaxArguments) {
      stream_.Fail("a macro has more than 250 parameters", ErrorKind::kLimit);
    }
    for (size_t i = 0; stream_.ok() && i < statement.parameters.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (statement.parameters[i]->name == statement.parameters[j]->name) {
          stream_.Fail("two parameters of a macro have the same name");
        }
      }
    }
  }

  // Parses a scope that is a function in Python: break cannot leave it.
  Body ParseFunctionScope(std::string_view end, std::string_view opened_by) {
    const int loops = std::exchange(loops_, 0);
    Body body = ParseScope(end, opened_by);
    loops_ = loops;
    return body;
  }

  StatementPtr ParseMacro(int line) {
    StatementPtr statement = Make(StatementKind::kMacro, line);
    statement->target = expressions_.ParseNameTarget();
    if (statement->target != nullptr) statement->name = statement->target->name;
    const int soft = expressions_.EnterHard();
    ParseSignature(*statement);
    expressions_.LeaveHard(soft);
    statement->body = ParseFunctionScope("endmacro", "macro");
    return statement;
  }

  StatementPtr ParseCallBlock(int line) {
    StatementPtr statement = Make(StatementKind::kCallBlock, line);
    statement->name = "caller";
    if (stream_.AtOperator("(")) ParseSignature(*statement);
    statement->subject = expressions_.Parse();
    if (statement->subject == nullptr || statement->subject->kind != Expression::Kind::kCall) {
      stream_.Fail("expected a call after {% call");
    }
    statement->body = ParseFunctionScope("endcall", "call");
    return statement;
  }

  StatementPtr ParseFilterBlock(int line) {
    StatementPtr statement = Make(StatementKind::kFilterBlock, line);
    const int soft = expressions_.EnterHard();
    statement->filter = expressions_.ParseFilters(/*first_without_bar=*/true);
    expressions_.LeaveHard(soft);
    statement->body = ParseScope("endfilter", "filter");
    return statement;
  }

  StatementPtr ParseWith(int line) {
    StatementPtr statement = Make(StatementKind::kWith, line);
    while (stream_.ok() && !stream_.At(TokenKind::kTagEnd)) {
      if (!statement->parameters.empty()) stream_.ExpectOperator(",");
      statement->parameters.push_back(expressions_.ParseTarget("", /*with_namespace=*/false));
      stream_.ExpectOperator("=");
      statement->defaults.push_back(expressions_.Parse());
    }
    statement->body = ParseScope("endwith", "with");
    return statement;
  }

  StatementPtr ParseGeneration(int line) {
    StatementPtr statement = Make(StatementKind::kGeneration, line);
    statement->body = ParseFunctionScope("endgeneration", "generation");
    return statement;
  }

  StatementPtr ParseJump(StatementKind kind, int line) {
    if (loops_ == 0) stream_.Fail("a break or continue stands outside of a loop");
    return Make(kind, line);
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  int loops_ = 0;  // enclosing loops, up to the next function
};

}  // namespace

absl::StatusOr<Body> ParseTemplate(std::string_view source) {
  if (source.size() > kMaxSource) {
    return TemplateError(ErrorKind::kLimit,
                         "the template is longer than 1 MiB, which is the longest one allowed");
  }
  auto tokens = Lex(source);
  if (!tokens.ok()) return tokens.status();
  return Parser(*std::move(tokens)).Run();
}

}  // namespace octet::jinja

#include "runtime/text/jinja/token_stream.h"

#include <absl/strings/str_cat.h>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/limits.h"

namespace octet::jinja {
namespace {

std::string Described(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kName:
    case Token::Kind::kOperator:
      return Quoted(token.text);
    case Token::Kind::kData:
      return "text";
    case Token::Kind::kPrintBegin:
      return "{{";
    case Token::Kind::kPrintEnd:
      return "}}";
    case Token::Kind::kTagBegin:
      return "{%";
    case Token::Kind::kTagEnd:
      return "%}";
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return "a number";
    case Token::Kind::kEnd:
      return "the end of the template";
  }
  return "";
}

}  // namespace

const Token& TokenStream::Next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Next();
  return true;
}

bool TokenStream::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Next();
  return true;
}

void TokenStream::ExpectOperator(std::string_view op) {
  if (!SkipOperator(op)) {
    Fail(absl::StrCat("expected '", std::string(op), "', got ", Described(current())));
  }
}

void TokenStream::ExpectName(std::string_view name) {
  if (!SkipName(name)) {
    Fail(absl::StrCat("expected '", std::string(name), "', got ", Described(current())));
  }
}

void TokenStream::Expect(Token::Kind kind) {
  if (!At(kind)) return FailUnexpected();
  Next();
}

std::string TokenStream::ExpectAnyName() {
  if (At(Token::Kind::kName)) return Next().text;
  Fail(absl::StrCat("expected a name, got ", Described(current())));
  return "";
}

void TokenStream::Fail(std::string_view message, ErrorKind kind) {
  if (ok())
    status_ = TemplateError(kind, absl::StrCat("line ", line(), ": ", std::string(message)));
  at_ = tokens_.size() - 1;
}

void TokenStream::FailUnexpected() { Fail(absl::StrCat("unexpected ", Described(current()))); }

bool TokenStream::Enter() {
  if (++nesting_ > kMaxNesting) {
    Fail("tags or brackets lie too deep in each other; 100 levels are allowed", ErrorKind::kLimit);
  }
  return ok();
}

}  // namespace octet::jinja

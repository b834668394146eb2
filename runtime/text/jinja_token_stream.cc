#include "runtime/text/jinja_token_stream.h"

#include <absl/strings/str_cat.h>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja_limits.h"

namespace octet {
namespace {

std::string Described(const JinjaToken& token) {
  switch (token.kind) {
    case JinjaToken::Kind::kName:
    case JinjaToken::Kind::kOperator:
      return Quoted(token.text);
    case JinjaToken::Kind::kData:
      return "text";
    case JinjaToken::Kind::kPrintBegin:
      return "{{";
    case JinjaToken::Kind::kPrintEnd:
      return "}}";
    case JinjaToken::Kind::kTagBegin:
      return "{%";
    case JinjaToken::Kind::kTagEnd:
      return "%}";
    case JinjaToken::Kind::kString:
      return "a string";
    case JinjaToken::Kind::kInteger:
    case JinjaToken::Kind::kFloat:
      return "a number";
    case JinjaToken::Kind::kEnd:
      return "the end of the template";
  }
  return "";
}

}  // namespace

const JinjaToken& JinjaTokenStream::Next() {
  const JinjaToken& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool JinjaTokenStream::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Next();
  return true;
}

bool JinjaTokenStream::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Next();
  return true;
}

void JinjaTokenStream::ExpectOperator(std::string_view op) {
  if (!SkipOperator(op)) {
    Fail(absl::StrCat("expected '", std::string(op), "', got ", Described(current())));
  }
}

void JinjaTokenStream::ExpectName(std::string_view name) {
  if (!SkipName(name)) {
    Fail(absl::StrCat("expected '", std::string(name), "', got ", Described(current())));
  }
}

void JinjaTokenStream::Expect(JinjaToken::Kind kind) {
  if (!At(kind)) return FailUnexpected();
  Next();
}

std::string JinjaTokenStream::ExpectAnyName() {
  if (At(JinjaToken::Kind::kName)) return Next().text;
  Fail(absl::StrCat("expected a name, got ", Described(current())));
  return "";
}

void JinjaTokenStream::Fail(std::string_view message, JinjaErrorKind kind) {
  if (ok()) status_ = JinjaError(kind, absl::StrCat("line ", line(), ": ", std::string(message)));
  at_ = tokens_.size() - 1;
}

void JinjaTokenStream::FailUnexpected() { Fail(absl::StrCat("unexpected ", Described(current()))); }

bool JinjaTokenStream::Enter() {
  if (++nesting_ > kMaxJinjaNesting) {
    Fail("tags or brackets lie too deep in each other; 100 levels are allowed",
         JinjaErrorKind::kLimit);
  }
  return ok();
}

}  // namespace octet

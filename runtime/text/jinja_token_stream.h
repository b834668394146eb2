// Tokens, one after the other, and the first error of who parses them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_
#define OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja_error.h"
#include "runtime/text/jinja_lexer.h"

namespace octet {

// After an error only the end is seen, so that parsers come back without a check at each step.
class JinjaTokenStream {
 public:
  // The last token is kEnd.
  explicit JinjaTokenStream(std::vector<JinjaToken> tokens) : tokens_(std::move(tokens)) {}

  const JinjaToken& current() const { return tokens_[at_]; }
  int line() const { return current().line; }
  bool At(JinjaToken::Kind kind) const { return current().kind == kind; }
  bool AtName(std::string_view name) const { return IsName(current(), name); }
  bool AtOperator(std::string_view op) const { return IsOperator(current(), op); }
  bool BeforeName(std::string_view name) const { return IsName(following(), name); }
  bool BeforeOperator(std::string_view op) const { return IsOperator(following(), op); }

  // Moves to the next token and returns the one it left.
  const JinjaToken& Next();
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view op);
  void ExpectOperator(std::string_view op);
  void ExpectName(std::string_view name);
  void Expect(JinjaToken::Kind kind);
  std::string ExpectAnyName();

  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  void Fail(std::string_view message, JinjaErrorKind kind = JinjaErrorKind::kSyntax);
  void FailUnexpected();

  // Levels of recursion. Each Enter() is followed by a Leave(); false, with an error, if too many.
  bool Enter();
  void Leave() { --nesting_; }

 private:
  static bool IsName(const JinjaToken& token, std::string_view name) {
    return token.kind == JinjaToken::Kind::kName && token.text == name;
  }
  static bool IsOperator(const JinjaToken& token, std::string_view op) {
    return token.kind == JinjaToken::Kind::kOperator && token.text == op;
  }
  const JinjaToken& following() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }

  std::vector<JinjaToken> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_

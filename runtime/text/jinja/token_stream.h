// A stream of tokens, and the first error of its parser.

#ifndef OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_
#define OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/lexer.h"

namespace octet::jinja {

// A stream of tokens. After an error it shows only the end, so that parsers return without a check
// at each step.
class TokenStream {
 public:
  // The last token must be kEnd.
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  int line() const { return current().line; }
  bool At(Token::Kind kind) const { return current().kind == kind; }
  bool AtName(std::string_view name) const { return IsName(current(), name); }
  bool AtOperator(std::string_view op) const { return IsOperator(current(), op); }
  bool BeforeName(std::string_view name) const { return IsName(following(), name); }
  bool BeforeOperator(std::string_view op) const { return IsOperator(following(), op); }

  // Moves to the next token and returns the one it left.
  const Token& Next();
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view op);
  void ExpectOperator(std::string_view op);
  void ExpectName(std::string_view name);
  void Expect(Token::Kind kind);
  std::string ExpectAnyName();

  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  void Fail(std::string_view message, ErrorKind kind = ErrorKind::kSyntax);
  void FailUnexpected();

  // Enters a level of recursion. Returns false, with an error, if there are too many. Call Leave()
  // after each Enter().
  bool Enter();
  void Leave() { --nesting_; }

 private:
  static bool IsName(const Token& token, std::string_view name) {
    return token.kind == Token::Kind::kName && token.text == name;
  }
  static bool IsOperator(const Token& token, std::string_view op) {
    return token.kind == Token::Kind::kOperator && token.text == op;
  }
  const Token& following() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  absl::Status status_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_TOKEN_STREAM_H_

#include "runtime/text/jinja/lexer.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"
#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/limits.h"
#include "runtime/text/jinja/literal.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

constexpr size_t kNone = std::string_view::npos;

// Returns the source with "
// " for each end of line, and without the last one.
std::string NormalizedNewlines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      text += '\n';
    } else {
      text += source[i];
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool IsWordAt(std::string_view text, size_t at) {
  const unsigned char c = static_cast<unsigned char>(text[at]);
  if (c < 0x80) return c == '_' || std::isalnum(c) != 0;
  return (PropertiesOf(NextCodePoint(text, at)) & kIsAlnum) != 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(NormalizedNewlines(source)), text_(source_) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (at_ < text_.size() && status_.ok()) LexTop();
    if (status_.ok() && tokens_.size() > kMaxTokens) FailTooMany();
    if (!status_.ok()) return status_;
    Add(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  bool Has(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void Fail(std::string_view message, ErrorKind kind = ErrorKind::kSyntax) {
    status_ = TemplateError(kind, absl::StrCat("line ", Line(), ": ",
                                               absl::string_view(message.data(), message.size())));
  }

  void FailTooMany() {
    Fail("the template has too many words and signs; 250000 are allowed", ErrorKind::kLimit);
  }

  // Returns the line of at_. Continues the count from its latest place.
  int Line() {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
    counted_ = at_;
    return line_;
  }

  void Add(Token::Kind kind, std::string_view text) {
    tokens_.push_back({kind, Line(), std::string(text)});
  }

  void SkipSpace() {
    while (at_ < text_.size()) {
      size_t behind = at_;
      if ((PropertiesOf(NextCodePoint(text_, behind)) & kIsSpace) == 0) return;
      at_ = behind;
    }
  }

  size_t FindTag() const {
    for (size_t at = text_.find('{', at_); at != kNone; at = text_.find('{', at + 1)) {
      if (at + 1 < text_.size() &&
          (text_[at + 1] == '{' || text_[at + 1] == '%' || text_[at + 1] == '#')) {
        return at;
      }
    }
    return kNone;
  }

  // Returns the text before a tag, without what the tag's sign or lstrip_blocks removes.
  std::string_view Trimmed(std::string_view data, char sign, bool is_print) const {
    if (sign == '-') {
      size_t end = 0;
      for (size_t at = 0; at < data.size();) {
        if ((PropertiesOf(NextCodePoint(data, at)) & kIsSpace) == 0) end = at;
      }
      return data.substr(0, end);
    }
    if (sign == '+' || is_print) return data;
    const size_t newline = data.rfind('\n');
    if (newline == kNone && !line_starting_) return data;
    const size_t line = newline == kNone ? 0 : newline + 1;
    for (size_t at = line; at < data.size();) {
      if ((PropertiesOf(NextCodePoint(data, at)) & kIsSpace) == 0) return data;
    }
    return data.substr(0, line);
  }

  char TakeSign() {
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) return text_[at_++];
    return '\0';
  }

  void LexTop() {
    const size_t tag = FindTag();
    if (tag == kNone) {
      Add(Token::Kind::kData, text_.substr(at_));
      at_ = text_.size();
      return;
    }
    const std::string_view data = text_.substr(at_, tag - at_);
    const char what = text_[tag + 1];
    const size_t sign_at = tag + 2;
    const char sign = sign_at < text_.size() && (text_[sign_at] == '-' || text_[sign_at] == '+')
                          ? text_[sign_at]
                          : '\0';
    const std::string_view kept = Trimmed(data, sign, what == '{');
    if (!kept.empty()) Add(Token::Kind::kData, kept);
    at_ = sign_at;
    TakeSign();
    if (what == '#') {
      LexComment();
    } else if (what == '{') {
      Add(Token::Kind::kPrintBegin, "");
      LexInside("}}", Token::Kind::kPrintEnd);
    } else if (!LexRaw()) {
      Add(Token::Kind::kTagBegin, "");
      LexInside("%}", Token::Kind::kTagEnd);
    }
    line_starting_ = at_ > 0 && text_[at_ - 1] == '\n';
  }

  // Takes the end of a tag if there is one here, and what its sign or trim_blocks removes after it.
  bool TakeEnd(std::string_view end) {
    const char sign = at_ < text_.size() ? text_[at_] : '\0';
    const bool is_print = end == "}}";
    const bool signed_end =
        (sign == '-' || (sign == '+' && !is_print)) && text_.substr(at_ + 1, end.size()) == end;
    if (!signed_end && !Has(end)) return false;
    at_ += end.size() + (signed_end ? 1 : 0);
    if (signed_end && sign == '-') {
      SkipSpace();
    } else if (!signed_end && !is_print && Has("\n")) {
      ++at_;
    }
    return true;
  }

  void LexComment() {
    const size_t end = text_.find("#}", at_);
    if (end == kNone) return Fail("a comment is not closed; add #}");
    const char before = end > at_ ? text_[end - 1] : '\0';
    at_ = before == '-' || before == '+' ? end - 1 : end;
    TakeEnd("#}");
  }

  // Takes a whole raw block if one begins here. at_ is after "{%" and its sign.
  bool LexRaw() {
    const size_t begin = at_;
    SkipSpace();
    const bool is_raw = Has("raw");
    if (is_raw) at_ += 3, SkipSpace();
    if (!is_raw || !(Has("%}") || Has("-%}"))) {
      at_ = begin;
      return false;
    }
    const bool trims = Has("-%}");
    at_ += trims ? 3 : 2;
    if (trims) SkipSpace();
    line_starting_ = text_[at_ - 1] == '\n';
    const size_t content = at_;
    for (size_t tag = text_.find("{%", at_); tag != kNone; tag = text_.find("{%", tag + 2)) {
      at_ = tag + 2;
      const char sign = TakeSign();
      SkipSpace();
      if (!Has("endraw")) continue;
      at_ += 6;
      SkipSpace();
      if (!TakeEnd("%}")) continue;
      const size_t behind = std::exchange(at_, content);
      const std::string_view kept =
          Trimmed(text_.substr(content, tag - content), sign, /*is_print=*/false);
      if (!kept.empty()) Add(Token::Kind::kData, kept);
      at_ = behind;
      return true;
    }
    at_ = content;
    Fail("a raw block is not closed; add {% endraw %}");
    return true;
  }

  void LexInside(std::string_view end, Token::Kind end_kind) {
    std::vector<char> open;  // the expected closing brackets
    while (status_.ok()) {
      SkipSpace();
      if (at_ == text_.size()) return;
      const int line = Line();
      if (open.empty() && TakeEnd(end)) {
        tokens_.push_back({end_kind, line, ""});
        return;
      }
      if (!LexNumber() && !LexName() && !LexString()) LexOperator(open);
      if (tokens_.size() > kMaxTokens) return FailTooMany();
    }
  }

  bool LexNumber() {
    const std::string_view rest = text_.substr(at_);
    if (rest[0] < '0' || rest[0] > '9') return false;
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';
    if (const size_t size = after_dot ? 0 : FloatLiteralSize(rest); size > 0) {
      Add(Token::Kind::kFloat, "");
      tokens_.back().number = ParsePythonFloat(rest.substr(0, size)).value_or(0);
      at_ += size;
      return true;
    }
    const size_t size = IntegerLiteralSize(rest);
    bool overflow = false;
    const auto value = ParsePythonInt(rest.substr(0, size), 0, overflow);
    if (!value.has_value()) {
      Fail("an integer beyond 64 bits is not supported", ErrorKind::kUnsupported);
      return true;
    }
    Add(Token::Kind::kInteger, "");
    tokens_.back().integer = *value;
    at_ += size;
    return true;
  }

  bool LexName() {
    size_t end = at_;
    while (end < text_.size() && IsWordAt(text_, end)) NextCodePoint(text_, end);
    if (end == at_) return false;
    Add(Token::Kind::kName, text_.substr(at_, end - at_));
    at_ = end;
    return true;
  }

  bool LexString() {
    const char quote = text_[at_];
    if (quote != '\'' && quote != '"') return false;
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) {
      Fail("a string is not closed");
      return true;
    }
    auto text = UnescapeString(text_.substr(at_ + 1, end - at_ - 1));
    if (!text.ok()) {
      Fail(std::string(text.status().message()),
           ErrorKindOf(text.status()).value_or(ErrorKind::kSyntax));
      return true;
    }
    Add(Token::Kind::kString, *text);
    at_ = end + 1;
    return true;
  }

  void LexOperator(std::vector<char>& open) {
    constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                               "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                               ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](std::string_view text) { return Has(text); });
    if (op == std::end(kOperators)) {
      const size_t size = std::max<size_t>(FirstUtf8Char(text_.substr(at_)).size, 1);
      return Fail("unexpected character " + Quoted(std::string(text_.substr(at_, size))));
    }
    const char bracket = op->front();
    if (bracket == '(') open.push_back(')');
    if (bracket == '[') open.push_back(']');
    if (bracket == '{') open.push_back('}');
    if (bracket == ')' || bracket == ']' || bracket == '}') {
      if (open.empty() || open.back() != bracket) {
        return Fail(absl::StrCat("unexpected '", std::string(*op), "'"));
      }
      open.pop_back();
    }
    Add(Token::Kind::kOperator, *op);
    at_ += op->size();
  }

  const std::string source_;
  const std::string_view text_;
  size_t at_ = 0;
  size_t counted_ = 0;
  int line_ = 1;               // of counted_
  bool line_starting_ = true;  // whether the last tag ended with a newline
  std::vector<Token> tokens_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Lex(std::string_view source) {
  if (!IsUtf8(source)) return TemplateError(ErrorKind::kSyntax, "the template is not UTF-8");
  return Lexer(source).Run();
}

}  // namespace octet::jinja

// The tokens of a template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LEXER_H_
#define OCTET_RUNTIME_TEXT_JINJA_LEXER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet::jinja {

struct Token {
  enum class Kind {
    kData,  // text outside of tags
    kPrintBegin,
    kPrintEnd,
    kTagBegin,
    kTagEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };

  Kind kind = Kind::kEnd;
  int line = 1;
  std::string text;  // of data, name, operator; of a string without quotes and escapes
  int64_t integer = 0;
  double number = 0;  // of a float
};

// Returns the tokens of jinja2's lexer with trim_blocks and lstrip_blocks, with one final newline
// dropped. The last token is kEnd. Errors (TemplateError) name the line.
absl::StatusOr<std::vector<Token>> Lex(std::string_view source);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_LEXER_H_

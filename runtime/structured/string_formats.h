// The formats of strings that JSON Schema, OpenAPI and pydantic name.

#ifndef OCTET_RUNTIME_STRUCTURED_STRING_FORMATS_H_
#define OCTET_RUNTIME_STRUCTURED_STRING_FORMATS_H_

#include <string>
#include <string_view>
#include <vector>

namespace octet {

// Returns a regular expression of texts in the format; empty if the format is not known. All texts
// are valid: dates exist, in a year from 0001; times have an offset and no leap second. Some valid
// ones are left out: of "email", quoted parts and addresses; of "hostname", names of more than
// four labels or with two hyphens in a row; of "ipv6", shortened forms; of "duration", fractions;
// of "uri", schemes but http, https and ftp, users, and escapes; networks but those of whole
// octets. All are ASCII.
std::string RegexOfFormat(std::string_view format);

// Returns the names of all formats that have an expression.
std::vector<std::string_view> KnownFormats();
bool IsFormatKnown(std::string_view format);

// Returns whether any text has the format.
bool IsAnyTextFormat(std::string_view format);

// Returns whether it is one of OpenAPI's formats of numbers, which mean nothing to strings.
bool IsNumberFormat(std::string_view format);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_STRING_FORMATS_H_

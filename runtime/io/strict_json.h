// Strict JSON: a text has one meaning, or is an error.

#ifndef OCTET_RUNTIME_IO_STRICT_JSON_H_
#define OCTET_RUNTIME_IO_STRICT_JSON_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace octet {

// The limits of a text, which are checked before memory is used for more. A value takes 16 bytes of
// memory besides its letters; a part takes up to 100, because it is allocated by itself. A prompt
// of a million token ids has a million values and one part. A vocabulary of 250,000 tokens and as
// many merges, as pairs of texts, has a million parts.
inline constexpr int kMaxJsonDepth = 64;
inline constexpr int64_t kMaxJsonValues = 4'000'000;
inline constexpr int64_t kMaxJsonParts = 1'500'000;  // texts, lists, objects and their members

// Parses one UTF-8 JSON text in time and memory linear in its size; the caller bounds the size.
// Reports progress to the watchdog. Besides errors of grammar, refuses what parsers read
// differently: a key that is twice in an object, a NUL byte, a number out of a double's range; and
// what exceeds the limits above. Errors begin with `where`, such as a path.
absl::StatusOr<nlohmann::json> ParseStrictJson(const std::string& text, const std::string& where);

// The same, with the members of objects in the order of the text.
absl::StatusOr<nlohmann::ordered_json> ParseOrderedJson(const std::string& text,
                                                        const std::string& where);

// Takes one member of an object. An error ends the reading.
using MemberVisitor =
    std::function<absl::Status(const std::string& name, const nlohmann::json& value)>;

// The same for a text that must be an object. Calls `visit` with its members in their order, as
// soon as each is read. Only one is held at a time, and the limits apply to each alone. Returns the
// first error, also one of `visit`.
absl::Status ParseStrictJsonObject(const std::string& text, const std::string& where,
                                   const MemberVisitor& visit);

// Returns `text` for a message; of a long text only both ends. Never cuts a character.
std::string Shortened(std::string_view text);

// Returns the same as one line of UTF-8. Escapes control characters, bytes that are not UTF-8, and
// quotes.
std::string Escaped(std::string_view text);

// Returns the escaped text in single quotes.
std::string Quoted(const std::string& text);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_STRICT_JSON_H_

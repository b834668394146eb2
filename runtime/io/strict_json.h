// JSON as files state it: one reading of a text, or an error.

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

// What a text may hold, checked before what is beyond it is built. A value takes 16 bytes of memory
// besides its letters, a part up to 100: it is allocated on its own. A prompt of a million token
// ids has a million values and one part; a vocabulary of 250,000 tokens with as many merges as
// pairs of texts a million parts.
inline constexpr int kMaxJsonDepth = 64;
inline constexpr int64_t kMaxJsonValues = 4'000'000;
inline constexpr int64_t kMaxJsonParts = 1'500'000;  // texts, lists, objects and their members

// Parses one UTF-8 JSON text in time and memory linear in its size; the caller bounds that. Tells
// the watchdog that it goes on. Beyond the grammar it refuses what parsers read differently: a key
// that stands twice in an object, a NUL byte, a number out of a double's range, and what is beyond
// the limits above. Errors begin with `where`, such as a path.
absl::StatusOr<nlohmann::json> ParseStrictJson(const std::string& text, const std::string& where);

// The same, with the members of objects in the order of the text.
absl::StatusOr<nlohmann::ordered_json> ParseOrderedJson(const std::string& text,
                                                        const std::string& where);

// Takes one member of an object. An error ends the reading.
using MemberVisitor =
    std::function<absl::Status(const std::string& name, const nlohmann::json& value)>;

// The same of a text that must be an object, whose members it gives to `visit` in their order, as
// soon as each is read: only one is held at a time, and the limits are for each alone. Returns
// the first error, also one of `visit`.
absl::Status ParseStrictJsonObject(const std::string& text, const std::string& where,
                                   const MemberVisitor& visit);

// `text` for a message; of a long one both ends. No character is cut.
std::string Shortened(std::string_view text);

// The same as one line of UTF-8: control characters and what is not UTF-8 escaped, also quotes.
std::string Escaped(std::string_view text);

// That in single quotes.
std::string Quoted(const std::string& text);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_STRICT_JSON_H_

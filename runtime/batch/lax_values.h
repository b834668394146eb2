// Numbers and switches as Python clients write them.

#ifndef OCTET_RUNTIME_BATCH_LAX_VALUES_H_
#define OCTET_RUNTIME_BATCH_LAX_VALUES_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace octet {

// The type of parsed requests. It keeps the order of an object's members, because templates may
// show them.
using Json = nlohmann::ordered_json;

// The functions below convert values like vLLM's request models, by pydantic's conversion table in
// lax mode (https://docs.pydantic.dev/latest/concepts/conversion_table/): a text that is a number,
// true for 1, and the reverse. A text stays a text only where a text is asked for.

// Accepts 5, 5.0, "5", " 5.0", "1_000", true. Returns nullopt if it is no whole number or needs
// more than 64 bits.
std::optional<int64_t> LaxInteger(const Json& value);

// Accepts the same, and 0.5, "0.5" and "1e-3". Returns nullopt if the number is not finite.
std::optional<double> LaxDouble(const Json& value);

// Accepts true, 1, 1.0, "1", "true", "t", "on", "yes", "y" and their opposites, in any case.
std::optional<bool> LaxBool(const Json& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LAX_VALUES_H_

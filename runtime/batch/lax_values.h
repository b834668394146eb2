// Numbers and switches as clients write them who come from Python.

#ifndef OCTET_RUNTIME_BATCH_LAX_VALUES_H_
#define OCTET_RUNTIME_BATCH_LAX_VALUES_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace octet {

// What requests are read as: templates may show the members of objects in the order of the line.
using Json = nlohmann::ordered_json;

// What vLLM's request models make of a value, by pydantic's conversion table in lax mode
// (https://docs.pydantic.dev/latest/concepts/conversion_table/): a text that is a number, true for
// 1, and the other way round. A text stays a text only where one is asked for.

// 5, 5.0, "5", " 5.0", "1_000", true. Nothing where it is no whole number or takes more than 64
// bits.
std::optional<int64_t> LaxInteger(const Json& value);

// The same, 0.5, "0.5" and "1e-3". Nothing where it is not finite.
std::optional<double> LaxDouble(const Json& value);

// true, 1, 1.0, "1", "true", "t", "on", "yes", "y" and their opposites, in letters of any case.
std::optional<bool> LaxBool(const Json& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LAX_VALUES_H_

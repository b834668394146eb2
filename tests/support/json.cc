#include "tests/support/json.h"

#include <ostream>

namespace octet {

nlohmann::json ParseJson(const std::string& text) { return nlohmann::json::parse(text); }

}  // namespace octet

namespace nlohmann {

void PrintTo(const json& value, std::ostream* out) { *out << value.dump(2); }

}  // namespace nlohmann

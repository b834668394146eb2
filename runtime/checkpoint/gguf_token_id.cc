#include "runtime/checkpoint/gguf_token_id.h"

#include <limits>

namespace octet {

std::optional<int32_t> ReadGgufTokenId(ConfigReader& reader, const std::string& key) {
  const nlohmann::json& value = reader.Value(key);
  if (value.is_number_integer() && value == std::numeric_limits<uint32_t>::max()) {
    return std::nullopt;
  }
  return reader.OptionalInt(key, 0, ConfigReader::kMaxInt);
}

}  // namespace octet

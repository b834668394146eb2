#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_JSON_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/checkpoint/gguf_metadata.h"

namespace octet {

// Returns the metadata whose keys begin with `prefix`, as one JSON object with the same keys, for
// ConfigReader. An array becomes an empty list.
nlohmann::json ToJson(const GgufMetadata& metadata, const std::string& prefix);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_JSON_H_

#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_TOKEN_ID_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_TOKEN_ID_H_

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/checkpoint/config_reader.h"

namespace octet {

inline constexpr char kGgufTokenizer[] = "tokenizer.";  // the begin of all keys of tokenizers

// Reads the id of a token from the metadata of a GGUF model. Returns nullopt if the key is absent
// or has the value that means no token, 2^32 - 1.
std::optional<int32_t> ReadGgufTokenId(ConfigReader& reader, const std::string& key);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_TOKEN_ID_H_

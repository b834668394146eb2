// The "normalizer" and the "pre_tokenizer" of a tokenizer.json.

#ifndef OCTET_RUNTIME_TEXT_TEXT_PIPELINE_JSON_H_
#define OCTET_RUNTIME_TEXT_TEXT_PIPELINE_JSON_H_

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/text/text_pipeline.h"

namespace octet {

// Reads the normalizers Prepend, Replace and Sequence, and the pre-tokenizers Metaspace, Split (of
// given texts, isolated) and Sequence. Null means none. Refuses others by name (kUnimplemented).
absl::StatusOr<TextPipeline> ReadTextPipeline(const nlohmann::json& normalizer,
                                              const nlohmann::json& pre_tokenizer);

// Returns the "type" of a part of a tokenizer.json, or a text for messages if there is none.
std::string TypeOf(const nlohmann::json& part);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TEXT_PIPELINE_JSON_H_

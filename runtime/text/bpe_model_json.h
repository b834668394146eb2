// The "model" of a tokenizer.json.

#ifndef OCTET_RUNTIME_TEXT_BPE_MODEL_JSON_H_
#define OCTET_RUNTIME_TEXT_BPE_MODEL_JSON_H_

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/text/bpe_encoder.h"
#include "runtime/text/merge_table.h"
#include "runtime/text/vocabulary.h"

namespace octet {

struct BpeModelJson {
  Vocabulary vocabulary;
  std::vector<MergeTable::Merge> merges;
  BpeOptions options;
};

// Reads a model of type BPE. Refuses by name other types, and BPE with features that this version
// does not know (kUnimplemented). Errors name the key.
absl::StatusOr<BpeModelJson> ReadBpeModel(const nlohmann::json& model);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_BPE_MODEL_JSON_H_

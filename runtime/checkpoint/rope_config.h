// What a config.json says of rotary embedding.

#ifndef OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// Reads rope_theta, rope_parameters (transformers 5) and rope_scaling (transformers 4). Takes
// max_position_embeddings as the file states it, and makes of it what the model serves: as vLLM,
// times the factor of linear and yarn. Kinds that are not computed are refused by name.
void ReadRope(ConfigReader& reader, ModelConfig& config);

// Only whole heads are rotated.
void RefusePartialRotary(ConfigReader& reader);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

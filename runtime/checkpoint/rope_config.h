// The rotary embedding of a config.json.

#ifndef OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// Reads rope_theta, rope_parameters (transformers 5) and rope_scaling (transformers 4).
// config.max_position_embeddings must have the value of the file. Changes it to the number of
// positions that the model serves: as in vLLM, times the factor of linear and yarn. Refuses by name
// the kinds that are not computed.
void ReadRope(ConfigReader& reader, ModelConfig& config);

// Refuses partial rotation: only whole heads are rotated.
void RefusePartialRotary(ConfigReader& reader);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

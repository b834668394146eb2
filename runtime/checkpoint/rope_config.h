// The rotary embedding of a config.json.

#ifndef OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

#include <string>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// The largest values that a file may state, and the least.
inline constexpr double kMostTheta = 1e15;
inline constexpr double kLeastFactor = 1e-3;
inline constexpr double kMostFactor = 1e6;
inline constexpr double kLeastBeta = 1e-9;
inline constexpr double kMostBeta = 1e9;
inline constexpr double kMostAttentionFactor = 1e6;

// Reads rope_theta, rope_parameters (transformers 5) and rope_scaling (transformers 4).
// config.max_position_embeddings must have the value of the file. Changes it to the number of
// positions that the model serves: as in vLLM, times the factor of linear and yarn. Refuses by name
// the kinds that are not computed.
void ReadRope(ConfigReader& reader, ModelConfig& config);

// Changes config.max_position_embeddings, which has the value of the file's `key`, to the number of
// positions that the model serves with config.rope_scaling.
void StretchPositions(ConfigReader& reader, const std::string& key, ModelConfig& config);

// Refuses partial rotation: only whole heads are rotated.
void RefusePartialRotary(ConfigReader& reader);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_ROPE_CONFIG_H_

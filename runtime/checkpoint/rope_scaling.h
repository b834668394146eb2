#ifndef OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_
#define OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_

#include <vector>

namespace octet {

// The change of rotary embedding's angles for texts that are longer than those of the model's first
// training. It has only the kinds that give a position the same angles in every text: with others,
// a row would depend on the length of its text.
struct RopeScaling {
  enum class Type { kNone, kLinear, kYarn, kLlama3 };

  Type type = Type::kNone;
  double factor = 1;              // by which texts may be longer than in training
  double original_positions = 0;  // of the first training; for kYarn and kLlama3

  // kYarn (Peng et al., "YaRN", arXiv:2309.00071): pairs that turn more than beta_fast times in the
  // original positions keep their frequency. Pairs that turn less than beta_slow times have it
  // divided by the factor.
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;         // rounds the two bounds to whole dimensions
  double attention_factor = 1;  // multiplies cos and sin

  // kLlama3: the same with bounds on the wavelength, as shares of the original positions.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
};

const char* Name(RopeScaling::Type type);

// Returns kYarn's attention_factor if it is not stated: 0.1 ln(factor) + 1. If both weights are
// stated and not 0, returns the ratio of two such values, with the weights on the logarithm.
double YarnAttentionFactor(double factor, double mscale, double mscale_all_dim);

// Returns the angle of each pair of dimensions at position 1: [head_dim / 2], with the order of
// roundings of transformers (modeling_rope_utils.py).
std::vector<float> RopeFrequencies(int head_dim, double theta, const RopeScaling& scaling);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_

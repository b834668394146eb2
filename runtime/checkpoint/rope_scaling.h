#ifndef OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_
#define OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_

#include <vector>

namespace octet {

// How the angles of rotary embedding are stretched for texts that are longer than those that the
// model was first trained on. Only ways that give a position the same angles in every text: others
// would make a row depend on its text's length.
struct RopeScaling {
  enum class Type { kNone, kLinear, kYarn, kLlama3 };

  Type type = Type::kNone;
  double factor = 1;              // by which texts may be longer
  double original_positions = 0;  // of the first training; of kYarn and kLlama3

  // kYarn (Peng et al., "YaRN", arXiv:2309.00071): what turns more often than beta_fast in the
  // original positions stays, what turns less often than beta_slow is stretched whole.
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;         // the two bounds are whole dimensions
  double attention_factor = 1;  // of cos and sin

  // kLlama3: the same with bounds on the wavelength, as shares of the original positions.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
};

const char* Name(RopeScaling::Type type);

// kYarn's attention_factor where it is not stated: 0.1 ln(factor) + 1, or the ratio of two of them
// with weights on the logarithm where both are stated, that is not 0.
double YarnAttentionFactor(double factor, double mscale, double mscale_all_dim);

// The angle of each pair of dimensions at position 1, [head_dim / 2], in the order of roundings of
// transformers (modeling_rope_utils.py).
std::vector<float> RopeFrequencies(int head_dim, double theta, const RopeScaling& scaling);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_ROPE_SCALING_H_

#include "runtime/checkpoint/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace octet {
namespace {

// Returns theta^(2i / head_dim).
float WavelengthOf(int pair, int head_dim, double theta) {
  const float exponent = static_cast<float>(2 * pair) / static_cast<float>(head_dim);
  return static_cast<float>(std::pow(theta, exponent));
}

// Returns the dimension, not rounded, whose pairs turn `times` times in the original positions.
double DimensionThatTurns(double times, int head_dim, double theta, const RopeScaling& s) {
  return head_dim * std::log(s.original_positions / (times * 2 * std::numbers::pi)) /
         (2 * std::log(theta));
}

// The share of each frequency that stays; the rest is divided by the factor.
struct Ramp {
  double begin;  // pairs below this keep all of their frequency
  double end;    // pairs from here on have all of it divided

  Ramp(int head_dim, double theta, const RopeScaling& s)
      : begin(DimensionThatTurns(s.beta_fast, head_dim, theta, s)),
        end(DimensionThatTurns(s.beta_slow, head_dim, theta, s)) {
    if (s.truncate) begin = std::floor(begin);
    if (s.truncate) end = std::ceil(end);
    begin = std::max(begin, 0.0);
    end = std::min(end, head_dim - 1.0);
    if (begin == end) end += 0.001;
  }

  float Kept(int pair) const {
    const float stretched =
        (static_cast<float>(pair) - static_cast<float>(begin)) / static_cast<float>(end - begin);
    return 1 - std::clamp(stretched, 0.0F, 1.0F);
  }
};

std::vector<float> YarnFrequencies(int head_dim, double theta, const RopeScaling& s) {
  const Ramp ramp(head_dim, theta, s);
  std::vector<float> frequencies;
  for (int i = 0; i < head_dim / 2; ++i) {
    const float wavelength = WavelengthOf(i, head_dim, theta);
    const float stretched = 1 / (static_cast<float>(s.factor) * wavelength);
    const float kept = ramp.Kept(i);
    frequencies.push_back(stretched * (1 - kept) + 1 / wavelength * kept);
  }
  return frequencies;
}

float Llama3Frequency(float frequency, const RopeScaling& s) {
  const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  const auto factor = static_cast<float>(s.factor);
  if (wavelength > static_cast<float>(s.original_positions / s.low_freq_factor)) {
    return frequency / factor;
  }
  if (wavelength < static_cast<float>(s.original_positions / s.high_freq_factor)) return frequency;
  const float turns = static_cast<float>(s.original_positions) / wavelength;
  const float kept = (turns - static_cast<float>(s.low_freq_factor)) /
                     static_cast<float>(s.high_freq_factor - s.low_freq_factor);
  return (1 - kept) * frequency / factor + kept * frequency;
}

}  // namespace

const char* Name(RopeScaling::Type type) {
  switch (type) {
    case RopeScaling::Type::kLinear:
      return "linear";
    case RopeScaling::Type::kYarn:
      return "yarn";
    case RopeScaling::Type::kLlama3:
      return "llama3";
    case RopeScaling::Type::kNone:
      break;
  }
  return "default";
}

double YarnAttentionFactor(double factor, double mscale, double mscale_all_dim) {
  const auto of = [factor](double weight) {
    return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
  };
  return mscale != 0 && mscale_all_dim != 0 ? of(mscale) / of(mscale_all_dim) : of(1);
}

std::vector<float> RopeFrequencies(int head_dim, double theta, const RopeScaling& scaling) {
  if (scaling.type == RopeScaling::Type::kYarn) return YarnFrequencies(head_dim, theta, scaling);
  std::vector<float> frequencies;
  for (int i = 0; i < head_dim / 2; ++i) {
    const float frequency = 1 / WavelengthOf(i, head_dim, theta);
    frequencies.push_back(
        scaling.type == RopeScaling::Type::kLinear ? frequency / static_cast<float>(scaling.factor)
        : scaling.type == RopeScaling::Type::kLlama3 ? Llama3Frequency(frequency, scaling)
                                                     : frequency);
  }
  return frequencies;
}

}  // namespace octet

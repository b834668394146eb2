#include "runtime/checkpoint/gguf_rope.h"

#include <absl/strings/str_cat.h>

#include "runtime/checkpoint/rope_config.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Type = RopeScaling::Type;

constexpr double kDefaultTheta = 10000;

// Returns the factor under its newer name, else under the older one; 1 if none is stated.
double ReadFactor(ConfigReader& reader, const std::string& rope) {
  for (const char* name : {"scaling.factor", "scale_linear"}) {
    const std::string key = rope + name;
    if (!reader.Has(key)) continue;
    const double factor = reader.OptionalNumber(key, 0, kMostFactor).value_or(1);
    if (factor == 0) return 1;  // as llama.cpp reads it
    if (factor < kLeastFactor) {
      reader.Fail(key, absl::StrCat("is ", factor, ", less than ", kLeastFactor));
    }
    return factor;
  }
  return 1;
}

// A factor without a type is that of linear scaling.
Type ReadType(ConfigReader& reader, const std::string& rope) {
  const std::string key = rope + "scaling.type";
  const std::string name = reader.OptionalString(key).value_or("linear");
  if (name == "none") return Type::kNone;
  if (name == "linear") return Type::kLinear;
  if (name == "yarn") return Type::kYarn;
  reader.Fail(key,
              absl::StrCat("is ", Quoted(name), "; Octet computes 'none', 'linear' and 'yarn'"));
  return Type::kNone;
}

void ReadYarn(ConfigReader& reader, const std::string& scaling, int positions, RopeScaling& s) {
  s.original_positions =
      reader.OptionalPositiveInt(scaling + "original_context_length", kMostPositions)
          .value_or(positions);
  const auto number = [&](const char* name, double least, double most, double fallback) {
    return reader.OptionalNumber(scaling + name, least, most).value_or(fallback);
  };
  s.beta_fast = number("yarn_beta_fast", kLeastBeta, kMostBeta, s.beta_fast);
  s.beta_slow = number("yarn_beta_slow", kLeastBeta, kMostBeta, s.beta_slow);
  s.attention_factor =
      YarnAttentionFactor(s.factor, 0, 0) * number("attn_factor", 0, kMostAttentionFactor, 1);
}

// Refuses values that llama.cpp computes with and Octet does not.
void RefuseOthers(ConfigReader& reader, const std::string& scaling, Type type) {
  const auto refuse = [&](const char* name, double usual, const char* also) {
    const double value = reader.OptionalNumber(scaling + name, -1e9, 1e9).value_or(usual);
    if (value == usual) return;
    reader.Fail(scaling + name, absl::StrCat("is ", value, "; Octet computes with ", usual, also));
  };
  refuse("alpha", 0, "");
  refuse("yarn_log_multiplier", 0, "");
  refuse("yarn_attn_factor", 1, "");
  if (type != Type::kYarn) {
    refuse("attn_factor", 1, " unless the type is yarn");
    return;
  }
  const std::string ext = scaling + "yarn_ext_factor";
  const double stated = reader.OptionalNumber(ext, -1e9, 1e9).value_or(1);
  if (stated >= 0 && stated != 1) {
    reader.Fail(ext, absl::StrCat("is ", stated, "; Octet computes with 1"));
  }
}

}  // namespace

void ReadGgufRope(ConfigReader& reader, const std::string& architecture, ModelConfig& config) {
  const std::string rope = architecture + ".rope.";
  const std::string scaling = rope + "scaling.";
  const int rotated =
      reader.OptionalPositiveInt(rope + "dimension_count", kMostHeadDim).value_or(config.head_dim);
  if (rotated != config.head_dim) {
    reader.Fail(rope + "dimension_count",
                absl::StrCat("is ", rotated, ", but heads have ", config.head_dim,
                             " dimensions; Octet rotates whole heads only"));
  }
  config.rope_theta =
      reader.OptionalNumber(rope + "freq_base", 1, kMostTheta).value_or(kDefaultTheta);
  RopeScaling& s = config.rope_scaling;
  s.type = ReadType(reader, rope);
  s.factor = ReadFactor(reader, rope);
  if (s.type == Type::kLinear && s.factor == 1) s.type = Type::kNone;
  if (s.type == Type::kYarn) ReadYarn(reader, scaling, config.max_position_embeddings, s);
  RefuseOthers(reader, scaling, s.type);
  if (s.type == Type::kYarn && config.rope_theta <= 1) {
    reader.Fail(rope + "freq_base", "is 1, for which yarn is not defined");
  }
  if (s.type == Type::kNone) s.factor = 1;
  reader.Value(scaling + "finetuned");  // says how the model was trained
  StretchPositions(reader, architecture + ".context_length", config);
}

}  // namespace octet

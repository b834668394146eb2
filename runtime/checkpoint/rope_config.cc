#include "runtime/checkpoint/rope_config.h"

#include <absl/strings/str_cat.h>

#include <cmath>
#include <optional>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Type = RopeScaling::Type;

// The contents of one object: rope_parameters, or rope_scaling.
struct RopeObject {
  std::optional<double> theta;
  RopeScaling scaling;
};

void RefuseType(ConfigReader& rope, const std::string& key, const std::string& type) {
  const std::string found = absl::StrCat("is ", Quoted(type), "; ");
  if (type == "dynamic" || type == "longrope" || type == "su") {
    return rope.Fail(key, absl::StrCat(found,
                                       "its angles depend on the length of the whole text, so a "
                                       "token would change with what follows it: refused"));
  }
  rope.Fail(key, absl::StrCat(found, "Octet computes 'default', 'linear', 'yarn' and 'llama3'"));
}

// Reads the type under its newer name, else under the older one, as in transformers.
Type ReadType(ConfigReader& rope) {
  const auto newer = rope.OptionalString("rope_type");
  const auto older = rope.OptionalString("type");
  const std::string name = newer.value_or(older.value_or("default"));
  for (const Type type : {Type::kNone, Type::kLinear, Type::kYarn, Type::kLlama3}) {
    if (name == Name(type)) return type;
  }
  RefuseType(rope, newer ? "rope_type" : "type", name);
  return Type::kNone;
}

double Required(ConfigReader& rope, const std::string& key, double least, double most, Type type) {
  if (!rope.Has(key)) {
    rope.Fail(key, absl::StrCat("is missing, which rope_type '", Name(type), "' needs"));
  }
  return rope.OptionalNumber(key, least, most).value_or(least);
}

void ReadYarn(ConfigReader& rope, int positions, RopeScaling& s) {
  s.original_positions =
      rope.OptionalPositiveInt("original_max_position_embeddings").value_or(positions);
  s.beta_fast = rope.OptionalNumber("beta_fast", kLeastBeta, kMostBeta).value_or(s.beta_fast);
  s.beta_slow = rope.OptionalNumber("beta_slow", kLeastBeta, kMostBeta).value_or(s.beta_slow);
  s.truncate = rope.Bool("truncate", s.truncate);
  const auto weight = [&rope](const char* key) {
    return rope.OptionalNumber(key, 0, kMostAttentionFactor).value_or(0);
  };
  const double inferred = YarnAttentionFactor(s.factor, weight("mscale"), weight("mscale_all_dim"));
  s.attention_factor =
      rope.OptionalNumber("attention_factor", 0, kMostAttentionFactor).value_or(inferred);
}

void ReadLlama3(ConfigReader& rope, RopeScaling& s) {
  s.original_positions =
      Required(rope, "original_max_position_embeddings", 1, ConfigReader::kMaxInt, s.type);
  s.low_freq_factor = Required(rope, "low_freq_factor", 1e-3, kMostFactor, s.type);
  s.high_freq_factor = Required(rope, "high_freq_factor", 1e-3, kMostFactor, s.type);
  if (s.high_freq_factor > s.low_freq_factor || !rope.status().ok()) return;
  rope.Fail("high_freq_factor", "is not above low_freq_factor");
}

RopeScaling ReadScaling(ConfigReader& rope, int positions) {
  RopeScaling s = {.type = ReadType(rope)};
  if (s.type == Type::kNone) return s;
  s.factor = Required(rope, "factor", kLeastFactor, kMostFactor, s.type);
  if (s.type == Type::kYarn) ReadYarn(rope, positions, s);
  if (s.type == Type::kLlama3) ReadLlama3(rope, s);
  return s;
}

// Reads the object under `key`.
RopeObject ReadObject(ConfigReader& reader, const std::string& key, ModelConfig& config) {
  RopeObject object;
  if (!reader.Has(key)) return object;
  ConfigReader rope(reader.Value(key), absl::StrCat(reader.where(), ": ", key));
  object.scaling = ReadScaling(rope, config.max_position_embeddings);
  RefusePartialRotary(rope);
  object.theta = rope.OptionalNumber("rope_theta", 1, kMostTheta);
  for (const auto& [name, value] : reader.Value(key).items()) {
    if (!value.is_structured()) continue;
    rope.Fail(Quoted(name), "is not a number or string; Octet rotates all layers alike");
  }
  reader.Update(rope.status());
  rope.WarnOfUnreadKeys({}, config.warnings);
  return object;
}

int64_t ServedPositions(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  const double trained =
      s.type == Type::kYarn ? s.original_positions : config.max_position_embeddings;
  const bool stretched = s.type == Type::kLinear || s.type == Type::kYarn;
  return static_cast<int64_t>(std::floor(stretched ? trained * s.factor : trained));
}

}  // namespace

void RefusePartialRotary(ConfigReader& reader) {
  if (reader.PositiveNumber("partial_rotary_factor", 1) == 1) return;
  reader.Fail("partial_rotary_factor", "is not 1; Octet rotates whole heads only");
}

void StretchPositions(ConfigReader& reader, const std::string& key, ModelConfig& config) {
  const int64_t positions = ServedPositions(config);
  if (positions < 1 || positions > kMostPositions) {
    return reader.Fail(key, absl::StrCat("makes ", positions, " positions with the factor of ",
                                         Name(config.rope_scaling.type), "; from 1 to ",
                                         kMostPositions, " are served"));
  }
  config.max_position_embeddings = static_cast<int>(positions);
}

// If theta is stated more than once, the inner one counts, as in transformers.
void ReadRope(ConfigReader& reader, ModelConfig& config) {
  if (reader.IsNull("rope_theta")) reader.Fail("rope_theta", "is null; state a number from 1");
  const double outer =
      reader.OptionalNumber("rope_theta", 1, kMostTheta).value_or(config.rope_theta);
  const RopeObject parameters = ReadObject(reader, "rope_parameters", config);
  const RopeObject scaling = ReadObject(reader, "rope_scaling", config);
  config.rope_theta = scaling.theta.value_or(parameters.theta.value_or(outer));
  const bool contradicted = (reader.Has("rope_theta") && outer != config.rope_theta) ||
                            (parameters.theta && *parameters.theta != config.rope_theta);
  if (contradicted) {
    config.warnings.push_back(absl::StrCat(
        reader.where(), ": states several values of rope_theta; ", config.rope_theta, " is used"));
  }
  if (config.rope_theta <= 1 &&
      (scaling.scaling.type == Type::kYarn || parameters.scaling.type == Type::kYarn)) {
    reader.Fail("rope_theta", "is 1, for which yarn is not defined");
  }
  if (scaling.scaling.type != Type::kNone && parameters.scaling.type != Type::kNone) {
    reader.Fail("rope_scaling", "stretches the angles, and so does rope_parameters; state one");
  }
  config.rope_scaling = scaling.scaling.type != Type::kNone ? scaling.scaling : parameters.scaling;
  StretchPositions(reader, "max_position_embeddings", config);
}

}  // namespace octet

// Against what transformers computes: tests/golden/rope/generate.py.

#include "runtime/checkpoint/rope_scaling.h"

#include <gtest/gtest.h>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/model/rope.h"
#include "tests/support/json.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;

// Each config.json as transformers takes it, under either key.
ModelConfig ConfigOf(const json& golden, const char* key) {
  const json text = {{"model_type", "mixtral"},
                     {"head_dim", golden["head_dim"]},
                     {"rope_theta", golden["rope_theta"]},
                     {"max_position_embeddings", golden["max_position_embeddings"]},
                     {key, golden["rope_scaling"]}};
  const auto config = ParseModelConfig(text.dump(), "config.json");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value();
}

// The power and what follows from it are rounded to float32 in both; the last bit may differ.
void ExpectNear(float value, float expected, float tolerance) {
  EXPECT_LE(std::abs(value - expected), tolerance * std::max(std::abs(expected), 1e-30F));
}

TEST(RopeScalingTest, AsTransformers) {
  const json golden = ParseJson(ReadFile(OCTET_SOURCE_DIR "/tests/golden/rope/scaling.json"));
  const std::vector<int64_t> positions = golden["positions"];
  const std::unique_ptr<Backend> backend = MakeCpuBackend(SupportedIsas().front(), 1);
  for (const json& c : golden["cases"]) {
    SCOPED_TRACE(c["rope_scaling"].dump());
    const ModelConfig config = ConfigOf(c, "rope_scaling");
    const RopeScaling& scaling = ConfigOf(c, "rope_parameters").rope_scaling;
    EXPECT_NEAR(scaling.attention_factor, c["attention_factor"].get<double>(), 1e-12);
    const std::vector<float> expected = c["frequencies"];
    const std::vector<float> frequencies =
        RopeFrequencies(config.head_dim, config.rope_theta, config.rope_scaling);
    ASSERT_EQ(frequencies.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ExpectNear(frequencies[i], expected[i], 3e-7F);

    const Rope rope(*backend, config.head_dim, config.rope_theta, positions.back() + 1, scaling);
    const std::vector<float> cos = c["cos"];
    const std::vector<float> sin = c["sin"];
    for (size_t p = 0; p < positions.size(); ++p) {
      for (size_t i = 0; i < expected.size(); ++i) {
        const size_t at = p * expected.size() + i;
        const float angle = static_cast<float>(positions[p]) * expected[i];
        const auto factor = static_cast<float>(scaling.attention_factor);
        const float tolerance = factor * (4e-7F * angle + 3e-7F);
        EXPECT_NEAR(rope.table().cos.f32(positions[p])[i], cos[at], tolerance);
        EXPECT_NEAR(rope.table().sin.f32(positions[p])[i], sin[at], tolerance);
      }
    }
  }
}

// As vLLM counts it (vllm/config/model.py, _get_and_verify_max_len).
TEST(RopeScalingTest, HowLongATextMayBe) {
  const auto positions = [](const std::string& scaling) {
    const auto config = ParseModelConfig(
        R"({"model_type": "mixtral", "max_position_embeddings": 4096, "rope_scaling": )" + scaling +
            "}",
        "config.json");
    return config.ok() ? config->max_position_embeddings : -1;
  };
  EXPECT_EQ(positions("null"), 4096);
  EXPECT_EQ(positions(R"({"type": "default"})"), 4096);
  EXPECT_EQ(positions(R"({"type": "linear", "factor": 2.0})"), 8192);
  EXPECT_EQ(positions(R"({"type": "linear", "factor": 2.5})"), 10240);
  EXPECT_EQ(positions(R"({"rope_type": "yarn", "factor": 4})"), 16384);
  EXPECT_EQ(
      positions(R"({"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 2048})"),
      8192);
  EXPECT_EQ(positions(R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                          "high_freq_factor": 4, "original_max_position_embeddings": 2048})"),
            4096);
  EXPECT_EQ(positions(R"({"type": "linear", "factor": 1000000})"), -1);
}

}  // namespace
}  // namespace octet

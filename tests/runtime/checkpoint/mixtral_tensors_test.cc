#include "runtime/checkpoint/mixtral_tensors.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <numeric>

#include "tests/support/memory_file_system.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/tensor_slice.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct NamedTensor {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};

ModelConfig TinyConfig() {
  ModelConfig config;
  config.vocab_size = 11;
  config.hidden_size = 6;
  config.intermediate_size = 5;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 2;
  config.num_experts = 3;
  return config;
}

std::vector<NamedTensor> ExpertShapes(const ModelConfig& c, const std::string& layer, bool fused) {
  const int64_t hidden = c.hidden_size;
  const int64_t ffn = c.intermediate_size;
  const int64_t num_experts = c.num_experts;
  if (fused) {
    return {{layer + "mlp.gate.weight", DType::kF32, {num_experts, hidden}},
            {layer + "mlp.experts.gate_up_proj", DType::kBF16, {num_experts, 2 * ffn, hidden}},
            {layer + "mlp.experts.down_proj", DType::kBF16, {num_experts, hidden, ffn}}};
  }
  std::vector<NamedTensor> tensors = {
      {layer + "block_sparse_moe.gate.weight", DType::kF32, {num_experts, hidden}}};
  for (int e = 0; e < num_experts; ++e) {
    const std::string expert = absl::StrCat(layer, "block_sparse_moe.experts.", e, ".");
    tensors.push_back({expert + "w1.weight", DType::kF16, {ffn, hidden}});
    tensors.push_back({expert + "w2.weight", DType::kBF16, {hidden, ffn}});
    tensors.push_back({expert + "w3.weight", DType::kF32, {ffn, hidden}});
  }
  return tensors;
}

std::vector<NamedTensor> Shapes(const ModelConfig& c, bool fused) {
  const int64_t hidden = c.hidden_size;
  const int64_t queries = c.num_heads * c.head_dim;
  const int64_t keys = c.num_kv_heads * c.head_dim;
  std::vector<NamedTensor> tensors = {
      {"model.embed_tokens.weight", DType::kF32, {c.vocab_size, hidden}},
      {"model.norm.weight", DType::kF32, {hidden}},
      {"lm_head.weight", DType::kF32, {c.vocab_size, hidden}}};
  for (int l = 0; l < c.num_layers; ++l) {
    const std::string layer = absl::StrCat("model.layers.", l, ".");
    tensors.push_back({layer + "input_layernorm.weight", DType::kF32, {hidden}});
    tensors.push_back({layer + "self_attn.q_proj.weight", DType::kF32, {queries, hidden}});
    tensors.push_back({layer + "self_attn.k_proj.weight", DType::kF32, {keys, hidden}});
    tensors.push_back({layer + "self_attn.v_proj.weight", DType::kF32, {keys, hidden}});
    tensors.push_back({layer + "self_attn.o_proj.weight", DType::kF32, {hidden, queries}});
    tensors.push_back({layer + "post_attention_layernorm.weight", DType::kF32, {hidden}});
    const auto experts = ExpertShapes(c, layer, fused);
    tensors.insert(tensors.end(), experts.begin(), experts.end());
  }
  return tensors;
}

SafetensorsWriter Write(const std::vector<NamedTensor>& tensors) {
  SafetensorsWriter writer;
  for (const NamedTensor& tensor : tensors) {
    int64_t elements = 1;
    for (const int64_t dim : tensor.shape) elements *= dim;
    std::vector<float> values(elements);
    std::iota(values.begin(), values.end(), 0.F);
    writer.Add(tensor.name, tensor.dtype, tensor.shape, values);
  }
  return writer;
}

absl::StatusOr<Checkpoint> Open(const SafetensorsWriter& writer) {
  MemoryFileSystem memory;
  memory.files["m/model.safetensors"] = writer.Bytes();
  return Checkpoint::Open(memory, "m");
}

std::string MapError(const std::vector<NamedTensor>& tensors, const ModelConfig& config) {
  const auto checkpoint = Open(Write(tensors));
  if (!checkpoint.ok()) return absl::StrCat("opening: ", checkpoint.status().ToString());
  const auto mapped = MixtralTensors::Map(*checkpoint, config);
  return mapped.ok() ? "" : std::string(mapped.status().message());
}

TEST(MixtralTensorsTest, ClassicNames) {
  const ModelConfig config = TinyConfig();
  const auto checkpoint = Open(Write(Shapes(config, /*fused=*/false)));
  const auto tensors = MixtralTensors::Map(*checkpoint, config);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->warnings(), IsEmpty());

  const TensorSlice& q_proj = tensors->layer(1).q_proj;
  EXPECT_EQ(q_proj.name, "model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ(q_proj.rows, 8);
  EXPECT_EQ(q_proj.cols, 6);
  EXPECT_EQ(q_proj.bytes(), 8U * 6 * 4);
  EXPECT_EQ(tensors->layer(1).o_proj.rows, 6);
  EXPECT_EQ(tensors->layer(0).k_proj.rows, 4);
  EXPECT_EQ(tensors->layer(0).input_layernorm.rows, 1);
  EXPECT_EQ(tensors->layer(0).input_layernorm.cols, 6);
  EXPECT_EQ(tensors->layer(0).gate.rows, 3);
  EXPECT_EQ(tensors->lm_head().name, "lm_head.weight");

  const ExpertTensors& expert = tensors->expert(1, 2);
  EXPECT_EQ(expert.w2.name, "model.layers.1.block_sparse_moe.experts.2.w2.weight");
  EXPECT_EQ(expert.w1.format, WeightFormat::kF16);
  EXPECT_EQ(expert.w2.format, WeightFormat::kBF16);
  EXPECT_EQ(expert.w2.rows, 6);
  EXPECT_EQ(expert.w2.cols, 5);
  for (const TensorSlice& slice : {expert.w1, expert.w2, expert.w3}) {
    std::vector<float> expected(30);
    std::iota(expected.begin(), expected.end(), 0.F);
    EXPECT_EQ(ReadFloats(slice), expected);
  }
}

// One expert's part of a fused tensor is what slicing the whole tensor gives.
TEST(MixtralTensorsTest, FusedNames) {
  const ModelConfig config = TinyConfig();
  const auto checkpoint = Open(Write(Shapes(config, /*fused=*/true)));
  const auto tensors = MixtralTensors::Map(*checkpoint, config);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->warnings(), IsEmpty());
  for (int e = 0; e < config.num_experts; ++e) {
    const ExpertTensors& expert = tensors->expert(1, e);
    const auto expect = [](const TensorSlice& slice, int64_t rows, int64_t cols, float first) {
      EXPECT_EQ(slice.rows, rows);
      EXPECT_EQ(slice.cols, cols);
      std::vector<float> expected(rows * cols);
      std::iota(expected.begin(), expected.end(), first);
      EXPECT_EQ(ReadFloats(slice), expected);
    };
    expect(expert.w1, 5, 6, e * 60.F);
    expect(expert.w3, 5, 6, e * 60.F + 30.F);
    expect(expert.w2, 6, 5, e * 30.F);
  }
  EXPECT_EQ(tensors->expert(0, 2).w3.name, "model.layers.0.mlp.experts.gate_up_proj rows 25-29");
  EXPECT_EQ(tensors->layer(0).gate.name, "model.layers.0.mlp.gate.weight");
}

TEST(MixtralTensorsTest, TiedHeadIsTheEmbedding) {
  ModelConfig config = TinyConfig();
  config.tie_word_embeddings = true;
  std::vector<NamedTensor> shapes = Shapes(config, false);
  shapes.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {1}});
  shapes.push_back({"model.layers.0.self_attn.q_proj.bias", DType::kF32, {8}});
  const auto checkpoint = Open(Write(shapes));
  const auto tensors = MixtralTensors::Map(*checkpoint, config);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->lm_head().offset, tensors->embed_tokens().offset);
  EXPECT_EQ(tensors->lm_head().name, "model.embed_tokens.weight");
  EXPECT_THAT(
      tensors->warnings(),
      ElementsAre(
          HasSubstr("tensor 'lm_head.weight' is not used: tie_word_embeddings is true"),
          HasSubstr("q_proj.bias' is not used: the model that config.json describes has no"),
          HasSubstr("inv_freq' is not used: harmless")));
}

TEST(MixtralTensorsTest, EveryTensorIsNeededAndItsShapeChecked) {
  const ModelConfig config = TinyConfig();
  for (const bool fused : {false, true}) {
    const std::vector<NamedTensor> good = Shapes(config, fused);
    EXPECT_EQ(MapError(good, config), "");
    for (size_t i = 0; i < good.size(); ++i) {
      std::vector<NamedTensor> missing = good;
      missing.erase(missing.begin() + static_cast<ptrdiff_t>(i));
      EXPECT_THAT(MapError(missing, config), HasSubstr("m: has no tensor " + good[i].name + ";"));

      for (size_t d = 0; d < good[i].shape.size(); ++d) {
        std::vector<NamedTensor> wrong = good;
        ++wrong[i].shape[d];
        EXPECT_THAT(MapError(wrong, config),
                    HasSubstr("m/model.safetensors: tensor " + good[i].name + " has shape ["));
      }
      std::vector<NamedTensor> deeper = good;
      deeper[i].shape.push_back(1);
      EXPECT_THAT(MapError(deeper, config), HasSubstr(good[i].name + " has shape ["));
    }
  }
}

TEST(MixtralTensorsTest, ErrorsNameShapesKeysAndDTypes) {
  const ModelConfig config = TinyConfig();
  std::vector<NamedTensor> shapes = Shapes(config, false);
  shapes[4].shape = {6, 8};
  EXPECT_THAT(MapError(shapes, config),
              HasSubstr("tensor model.layers.0.self_attn.q_proj.weight has shape [6, 8], but "
                        "config.json asks for "
                        "[8 (num_attention_heads x head_dim), 6 (hidden_size)]"));

  SafetensorsWriter writer;
  writer.AddRaw("model.embed_tokens.weight", "F8_E4M3", {66}, std::string(66, 'x'));
  const auto checkpoint = Open(writer);
  EXPECT_THAT(
      std::string(MixtralTensors::Map(*checkpoint, config).status().message()),
      HasSubstr("model.embed_tokens.weight is stored as F8_E4M3; Octet reads F32, BF16 and F16"));
}

TEST(MixtralTensorsTest, RefusesMixedNames) {
  const ModelConfig config = TinyConfig();
  std::vector<NamedTensor> shapes = Shapes(config, false);
  shapes.push_back({"model.layers.0.mlp.gate.weight", DType::kF32, {3, 6}});
  EXPECT_THAT(MapError(shapes, config),
              HasSubstr("m: mixes two ways of naming experts, 'model.layers.1.block_sparse"));
}

// The same tensors, each name changed.
std::vector<NamedTensor> Renamed(const std::vector<NamedTensor>& tensors,
                                 const std::function<std::string(const std::string&)>& rename) {
  std::vector<NamedTensor> renamed = tensors;
  for (NamedTensor& tensor : renamed) tensor.name = rename(tensor.name);
  return renamed;
}

TEST(MixtralTensorsTest, AUniformPrefixIsReadWithANote) {
  const ModelConfig config = TinyConfig();
  using Rename = std::function<std::string(const std::string&)>;
  const std::pair<Rename, const char*> cases[] = {
      {[](const std::string& name) { return "language_model." + name; },
       "the prefix 'language_model.model.' in place of 'model.'"},
      {[](const std::string& name) { return std::string(absl::StripPrefix(name, "model.")); },
       "m: its tensors have no prefix in place of 'model.'"},
      {[](const std::string& name) {
         return absl::StartsWith(name, "model.") ? "transformer." + name.substr(6) : name;
       },
       "the prefix 'transformer.' in place"}};
  for (const bool fused : {false, true}) {
    for (const auto& [rename, warning] : cases) {
      const auto checkpoint = Open(Write(Renamed(Shapes(config, fused), rename)));
      const auto tensors = MixtralTensors::Map(*checkpoint, config);
      ASSERT_TRUE(tensors.ok()) << tensors.status();
      EXPECT_THAT(tensors->warnings(), ElementsAre(HasSubstr(warning)));
    }
  }
}

TEST(MixtralTensorsTest, SaysWhatIsThereInPlaceOfATensor) {
  const ModelConfig config = TinyConfig();
  const std::vector<NamedTensor> good = Shapes(config, false);
  const auto prefixed = [](const std::string& name) { return "base_model.model." + name; };
  EXPECT_THAT(
      MapError(Renamed(good, prefixed), config),
      HasSubstr("m: has tensors of a peft adapter, such as 'base_model.model.lm_head.weight'"
                "; merge it"));
  const auto mixed = [n = 0](const std::string& name) mutable {
    return n++ % 2 == 0 ? name : "x." + name;
  };
  EXPECT_THAT(MapError(Renamed(good, mixed), config),
              HasSubstr("others, such as 'lm_head.weight'"));
  const auto other = [](const std::string& name) { return "h." + name + "s"; };
  EXPECT_THAT(MapError(Renamed(good, other), config),
              HasSubstr("m: has no tensor model.embed_tokens.weight; it has 35 others, such as "
                        "'h.lm_head.weights'"));
  const std::pair<const char*, const char*> quantised[] = {{".qweight", "GPTQ or AWQ"},
                                                           {".weight.absmax", "bitsandbytes"},
                                                           {".weight_scale_inv", "FP8"}};
  for (const auto& [ending, format] : quantised) {
    std::vector<NamedTensor> tensors = good;
    for (NamedTensor& tensor : tensors) {
      if (absl::EndsWith(tensor.name, "q_proj.weight")) {
        tensor.name = std::string(absl::StripSuffix(tensor.name, ".weight")) + ending;
      }
    }
    EXPECT_THAT(MapError(tensors, config), HasSubstr(absl::StrCat("the weights are ", format)));
  }
}

TEST(MixtralTensorsTest, OfManyUnusedTensorsTheFirstAreNamed) {
  std::vector<NamedTensor> tensors = Shapes(TinyConfig(), false);
  for (int i = 0; i < 1000; ++i) tensors.push_back({absl::StrCat("x", i), DType::kF32, {1}});
  const auto checkpoint = Open(Write(tensors));
  const auto mapped = MixtralTensors::Map(*checkpoint, TinyConfig());
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ(mapped->warnings().size(), 4U);
  EXPECT_THAT(mapped->warnings().back(), HasSubstr("997 more tensors are not used"));
}

// A config that claims two billion layers or experts fails at the first that is missing.
TEST(MixtralTensorsTest, HugeCountsFailAtOnce) {
  ModelConfig layers = TinyConfig();
  layers.num_layers = std::numeric_limits<int>::max();
  EXPECT_THAT(MapError(Shapes(TinyConfig(), false), layers),
              HasSubstr("has no tensor model.layers.2."));
  ModelConfig experts = TinyConfig();
  experts.num_experts = std::numeric_limits<int>::max();
  EXPECT_THAT(MapError(Shapes(TinyConfig(), true), experts),
              HasSubstr("asks for [2147483647 (num_local_experts)"));
}

}  // namespace
}  // namespace octet

#include "runtime/checkpoint/gguf_tensors.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/checkpoint/gguf_config.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kQ8 = 8;
constexpr uint32_t kQ2K = 10;
constexpr uint32_t kHalf = 1;

class GgufTensorsTest : public testing::Test {
 protected:
  absl::StatusOr<MixtralTensors> Map() {
    MemoryFileSystem files;
    files.files["m.gguf"] = contents_.Bytes();
    model_ = std::make_unique<GgufModel>(GgufModel::Open(files, "m.gguf").value());
    return MapGgufTensors(*model_, ReadGgufConfig(*model_).value());
  }

  std::string Error() { return std::string(Map().status().message()); }

  GgufContents contents_ = TinyGguf();
  std::unique_ptr<GgufModel> model_;
};

TEST_F(GgufTensorsTest, ExpertsArePartsOfAStackedTensor) {
  const auto tensors = Map();
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  const TensorSlice& first = tensors->expert(0, 0).w1;
  const TensorSlice& second = tensors->expert(0, 1).w1;
  EXPECT_EQ(first.rows, 3);
  EXPECT_EQ(first.cols, 4);
  EXPECT_EQ(second.offset, first.offset + first.bytes());
  EXPECT_EQ(second.name, "blk.0.ffn_gate_exps.weight rows 3-5");
  EXPECT_EQ(tensors->expert(0, 1).w2.rows, 4);
  EXPECT_THAT(tensors->warnings(), ElementsAre());
}

TEST_F(GgufTensorsTest, ExpertsMayBeTensorsOfTheirOwn) {
  for (const char* kind : {"gate", "up", "down"}) {
    const std::string stem = absl::StrCat("blk.0.ffn_", kind);
    contents_.tensors.erase(stem + "_exps.weight");
    const bool down = std::string(kind) == "down";
    const std::vector<uint64_t> shape =
        down ? std::vector<uint64_t>{4, 3} : std::vector<uint64_t>{3, 4};
    for (const int e : {0, 1}) contents_.SetZeros(absl::StrCat(stem, ".", e, ".weight"), shape);
  }
  const auto tensors = Map();
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->expert(0, 1).w2.name, "blk.0.ffn_down.1.weight");
  contents_.tensors.erase("blk.0.ffn_up.1.weight");
  EXPECT_THAT(Error(), HasSubstr("m.gguf: has no tensor 'blk.0.ffn_up_exps.weight'"));
}

TEST_F(GgufTensorsTest, RowsOfQueriesAndKeysAreInterleaved) {
  const MixtralTensors tensors = Map().value();
  EXPECT_EQ(tensors.layer(0).q_proj.interleaved_rows, 2);
  EXPECT_EQ(tensors.layer(0).k_proj.interleaved_rows, 2);
  EXPECT_EQ(tensors.layer(0).v_proj.interleaved_rows, 0);
}

TEST_F(GgufTensorsTest, EachMissingTensorIsNamed) {
  const GgufContents whole = contents_;
  for (const auto& [name, tensor] : whole.tensors) {
    if (name == "output.weight") continue;
    contents_ = whole;
    contents_.tensors.erase(name);
    EXPECT_EQ(Error(), absl::StrCat("m.gguf: has no tensor '", name,
                                    "', which its metadata ask for; convert the model to GGUF "
                                    "anew"));
  }
}

TEST_F(GgufTensorsTest, EachWrongShapeIsNamed) {
  const GgufContents whole = contents_;
  for (const auto& [name, tensor] : whole.tensors) {
    contents_ = whole;
    contents_.tensors[name].dims.back() += 1;
    contents_.tensors[name].bytes += std::string(4096, '\0');
    EXPECT_THAT(Error(), HasSubstr(absl::StrCat("m.gguf: tensor '", name, "' has shape [")));
  }
  contents_ = whole;
  contents_.SetZeros("blk.0.ffn_up_exps.weight", {2, 4, 3});
  EXPECT_EQ(Error(),
            "m.gguf: tensor 'blk.0.ffn_up_exps.weight' has shape [2, 4, 3], but the metadata ask "
            "for [2 (expert_count), 3 (feed_forward_length), 4 (embedding_length)]; convert the "
            "model to GGUF anew");
}

TEST_F(GgufTensorsTest, OuterDimensionsOfOneMayBeLeftOut) {
  contents_.Set("llama.expert_count", 1);
  contents_.Set("llama.expert_used_count", 1);
  contents_.SetZeros("blk.0.ffn_gate_inp.weight", {4});
  contents_.SetZeros("blk.0.ffn_gate_exps.weight", {3, 4});
  contents_.SetZeros("blk.0.ffn_down_exps.weight", {4, 3});
  contents_.SetZeros("blk.0.ffn_up_exps.weight", {1, 3, 4});
  EXPECT_TRUE(Map().ok()) << Error();
}

TEST_F(GgufTensorsTest, TypesThatAreNotReadAreNamed) {
  contents_.tensors["blk.0.ffn_up_exps.weight"].type = kHalf;
  EXPECT_EQ(Map().value().expert(0, 0).w3.format, WeightFormat::kF16);
  contents_.tensors["blk.0.attn_v.weight"] = {{256, 1}, kQ2K, std::string(84, '\0')};
  EXPECT_THAT(Error(),
              HasSubstr("m.gguf: tensor 'blk.0.attn_v.weight' has the type Q2_K; Octet "
                        "computes with F32, BF16, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, "
                        "Q5_K, Q6_K only"));
}

// The smallest model with rows of whole blocks of Q8_0.
void Widen(GgufContents& contents) {
  constexpr uint64_t kWide = 32;
  for (const char* key : {"embedding_length", "feed_forward_length", "attention.key_length",
                          "attention.value_length", "rope.dimension_count"}) {
    contents.Set(absl::StrCat("llama.", key), kWide);
  }
  contents.Set("llama.attention.head_count", 1);
  for (const char* name : {"token_embd.weight", "output.weight"}) {
    contents.SetZeros(name, {contents.tensors[name].dims.back(), kWide});
  }
  for (const char* name :
       {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) {
    contents.SetZeros(name, {kWide});
  }
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
    contents.SetZeros(absl::StrCat("blk.0.", name, ".weight"), {kWide, kWide});
  }
  contents.SetZeros("blk.0.ffn_gate_inp.weight", {2, kWide});
  for (const char* name : {"ffn_gate_exps", "ffn_down_exps", "ffn_up_exps"}) {
    contents.SetZeros(absl::StrCat("blk.0.", name, ".weight"), {2, kWide, kWide});
  }
}

void Quantise(const std::string& name, GgufContents& contents) {
  GgufContents::Tensor& tensor = contents.tensors[name];
  uint64_t elements = 1;
  for (const uint64_t dim : tensor.dims) elements *= dim;
  tensor.type = kQ8;
  tensor.bytes = std::string(elements / 32 * 34, '\0');
}

TEST_F(GgufTensorsTest, QuantisedTypesAreRead) {
  Widen(contents_);
  ASSERT_TRUE(Map().ok()) << Error();
  for (const char* name :
       {"blk.0.attn_v.weight", "output.weight", "token_embd.weight", "blk.0.ffn_gate_exps.weight",
        "blk.0.ffn_down_exps.weight", "blk.0.ffn_up_exps.weight"}) {
    Quantise(name, contents_);
  }
  const MixtralTensors tensors = Map().value();
  EXPECT_EQ(tensors.layer(0).q_proj.format, WeightFormat::kF32);
  EXPECT_EQ(tensors.layer(0).v_proj.format, WeightFormat::kQ8_0);
  const TensorSlice& first = tensors.expert(0, 0).w2;
  const TensorSlice& second = tensors.expert(0, 1).w2;
  EXPECT_EQ(second.format, WeightFormat::kQ8_0);
  EXPECT_EQ(second.offset - first.offset, 32U * 34);
  EXPECT_EQ(second.bytes(), 32U * 34);
}

TEST_F(GgufTensorsTest, WeightsThatAreMultipliedTogetherHaveOneFormat) {
  Widen(contents_);
  Quantise("blk.0.ffn_gate_exps.weight", contents_);
  Quantise("blk.0.ffn_down_exps.weight", contents_);
  EXPECT_THAT(Error(), HasSubstr("is Q8_0, but blk.0.ffn_up_exps.weight rows 0-31 is F32; Octet "
                                 "needs both in one format"));
}

TEST_F(GgufTensorsTest, TensorsOfOtherArithmeticAreRefused) {
  const GgufContents whole = contents_;
  for (const char* name :
       {"rope_freqs.weight", "blk.0.attn_q.bias", "blk.0.ffn_up_shexp.weight",
        "blk.0.attn_q_norm.weight", "blk.0.exp_probs_b", "blk.0.ffn_up_exps.scale"}) {
    contents_ = whole;
    contents_.SetZeros(name, {1});
    EXPECT_THAT(Error(), HasSubstr(absl::StrCat("m.gguf: tensor '", name, "' is ")));
  }
}

TEST_F(GgufTensorsTest, UnusedTensorsAreWarnedOf) {
  contents_.SetZeros("blk.1.attn_norm.weight", {4});
  EXPECT_THAT(Map().value().warnings(),
              ElementsAre("tensor 'blk.1.attn_norm.weight' is not used: the model that the "
                          "metadata describe has none"));
}

TEST_F(GgufTensorsTest, WithoutAHeadTheEmbeddingIsTheHead) {
  contents_.tensors.erase("output.weight");
  const MixtralTensors tensors = Map().value();
  EXPECT_EQ(tensors.lm_head().name, "token_embd.weight");
  EXPECT_THAT(tensors.warnings(), ElementsAre(HasSubstr("has no output.weight")));
}

}  // namespace
}  // namespace octet

#include "runtime/checkpoint/weight_rounding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/base/weight_quantiser.h"
#include "runtime/checkpoint/random_weights.h"
#include "runtime/checkpoint/weights.h"
#include "tests/support/tensor_slice.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ModelConfig SmallConfig() {
  ModelConfig c;
  c.vocab_size = 40;
  c.hidden_size = 64;
  c.intermediate_size = 96;
  c.num_layers = 2;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 16;
  c.num_experts = 3;
  return c;
}

std::vector<std::byte> Read(const TensorSlice& slice) {
  std::vector<std::byte> bytes(slice.bytes());
  EXPECT_TRUE(slice.file->Read(slice.offset, bytes).ok());
  return bytes;
}

TEST(WeightRoundingTest, RowsAreThoseOfTheQuantiser) {
  const ModelFiles stored = MakeRandomModel(SmallConfig(), 1);
  ModelFiles rounded = MakeRandomModel(SmallConfig(), 1);
  ASSERT_TRUE(RoundWeights(WeightBits::k4, rounded).ok());
  EXPECT_THAT(rounded.tensors.QuantisedFormats(),
              ElementsAre(WeightFormat::kQ4_0, WeightFormat::kQ8_0));
  const TensorSlice& from = stored.tensors.expert(1, 2).w2;
  const TensorSlice& to = rounded.tensors.expert(1, 2).w2;
  const std::vector<float> floats = ReadFloats(from);
  std::vector<std::byte> expected(to.bytes());
  for (int64_t r = 0; r < from.rows; ++r) {
    QuantiseRow(WeightFormat::kQ4_0, std::span(floats).subspan(r * from.cols, from.cols),
                expected.data() + r * to.row_bytes());
  }
  EXPECT_EQ(Read(to), expected);
  std::vector<std::byte> part(50);
  ASSERT_TRUE(to.file->Read(31, part).ok());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), expected.begin() + 31));
}

TEST(WeightRoundingTest, WhatIsNotAWeightOfProductsStays) {
  ModelFiles model = MakeRandomModel(SmallConfig(), 1);
  ASSERT_TRUE(RoundWeights(WeightBits::k8, model).ok());
  EXPECT_EQ(model.tensors.layer(0).gate.format, WeightFormat::kBF16);
  EXPECT_EQ(model.tensors.embed_tokens().format, WeightFormat::kBF16);
  EXPECT_EQ(model.tensors.layer(0).input_layernorm.format, WeightFormat::kBF16);
  EXPECT_EQ(model.tensors.lm_head().format, WeightFormat::kQ8_0);
  EXPECT_EQ(NameOfFormats(model.tensors), "Q8_0");
}

TEST(WeightRoundingTest, AHeadTiedToEmbeddingsStays) {
  ModelConfig config = SmallConfig();
  config.tie_word_embeddings = true;
  ModelFiles model = MakeRandomModel(config, 1);
  ASSERT_TRUE(RoundWeights(WeightBits::k8, model).ok());
  EXPECT_EQ(model.tensors.lm_head().format, WeightFormat::kBF16);
}

TEST(WeightRoundingTest, MemoryIsThatOfTheFormat) {
  ModelFiles model = MakeRandomModel(SmallConfig(), 1);
  ASSERT_TRUE(RoundWeights(WeightBits::k4, model).ok());
  const auto formats = FormatsOfExperts(model.tensors, model.config, DType::kBF16);
  EXPECT_TRUE(HasQuantised(formats));
  // 18 bytes for 32 weights.
  EXPECT_EQ(ExpertMemoryBytes(model.config, formats[1]), 3U * 64 * 96 / 32 * 18);
}

TEST(WeightRoundingTest, RowsTravelAsExpertsRoundThem) {
  const ExpertFormats plain = {WeightFormat::kBF16, WeightFormat::kBF16};
  const ExpertFormats quantised = {WeightFormat::kQ4_K, WeightFormat::kQ6_K};
  EXPECT_EQ(RowType(std::vector{plain, plain}, DType::kBF16), DType::kBF16);
  EXPECT_EQ(RowType(std::vector{quantised, quantised}, DType::kBF16), DType::kInt8Blocks);
  EXPECT_EQ(RowType(std::vector{quantised, plain}, DType::kBF16), DType::kF32);
}

TEST(WeightRoundingTest, RefusesWhatCanNotBeRounded) {
  ModelConfig config = SmallConfig();
  config.intermediate_size = 80;
  ModelFiles narrow = MakeRandomModel(config, 1);
  EXPECT_THAT(RoundWeights(WeightBits::k8, narrow).ToString(),
              HasSubstr("intermediate_size is 80, which is not a multiple of 32"));
  ModelFiles twice = MakeRandomModel(SmallConfig(), 1);
  ASSERT_TRUE(RoundWeights(WeightBits::k8, twice).ok());
  EXPECT_THAT(RoundWeights(WeightBits::k4, twice).ToString(),
              HasSubstr("the model's weights are quantised (Q8_0)"));
  EXPECT_THAT(ParseWeightBits("int2").status().ToString(),
              HasSubstr("--weights 'int2': must be auto, int8 or int4"));
}

}  // namespace
}  // namespace octet

#include "runtime/checkpoint/random_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "tests/support/local_ranks.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

using testing::HasSubstr;

std::vector<std::byte> ReadBytes(const RandomAccessFile& file, uint64_t offset, size_t size) {
  std::vector<std::byte> bytes(size);
  EXPECT_TRUE(file.Read(offset, bytes).ok());
  return bytes;
}

std::vector<float> ReadElements(const TensorSlice& slice) {
  const std::vector<std::byte> bytes = ReadBytes(*slice.file, slice.offset, slice.bytes());
  std::vector<uint16_t> stored(bytes.size() / 2);
  std::memcpy(stored.data(), bytes.data(), bytes.size());
  std::vector<float> values;
  for (const uint16_t v : stored) values.push_back(std::bit_cast<float>(uint32_t{v} << 16));
  return values;
}

double Mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Variance(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * v;
  return sum / static_cast<double>(values.size());
}

ModelConfig SmallConfig() {
  ModelConfig config;
  config.vocab_size = 512;
  config.hidden_size = 128;
  config.intermediate_size = 192;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 32;
  config.max_position_embeddings = 256;
  return config;
}

TEST(RandomFile, BytesFollowFromTheirPlaceAlone) {
  const auto file = MakeRandomFile("x", {.key = 7, .limit = 0.5}, 10'001);
  ASSERT_EQ(file->size(), 20'002U);
  const std::vector<std::byte> all = ReadBytes(*file, 0, file->size());
  for (const uint64_t offset : {0U, 1U, 2U, 7U, 4095U, 4096U, 4097U, 12'345U, 19'999U}) {
    for (const size_t size : {0U, 1U, 2U, 3U, 8U, 4095U, 4096U, 4097U, 7657U}) {
      if (offset + size > all.size()) continue;
      const auto part = std::span(all).subspan(offset, size);
      EXPECT_EQ(ReadBytes(*file, offset, size), std::vector(part.begin(), part.end()))
          << offset << " " << size;
    }
  }
}

TEST(RandomFile, ReadingBeyondTheEndIsAnError) {
  const auto file = MakeRandomFile("model.norm.weight", {}, 4);
  std::vector<std::byte> out(3);
  EXPECT_TRUE(file->Read(5, out).ok());
  const absl::Status status = file->Read(6, out);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.norm.weight"));
  EXPECT_FALSE(file->Read(~uint64_t{0}, out).ok());
}

TEST(RandomFile, ValuesAreSpreadEvenly) {
  constexpr int kElements = 1 << 20;
  constexpr int kBins = 16;
  const auto file = MakeRandomFile("x", {.key = 3, .limit = 2}, kElements);
  const auto values = ReadElements({.file = file.get(),
                                    .name = "x",
                                    .format = WeightFormat::kBF16,
                                    .rows = 1,
                                    .cols = kElements});
  EXPECT_NEAR(Mean(values), 0, 0.006);  // five standard deviations
  EXPECT_NEAR(Variance(values), 4.0 / 3, 0.01);
  std::vector<int> bins(kBins);
  double neighbours = 0;
  for (int i = 0; i < kElements; ++i) {
    ASSERT_LE(std::abs(values[i]), 2);
    ++bins[std::min(kBins - 1, static_cast<int>((values[i] + 2) / 4 * kBins))];
    if (i > 0) neighbours += static_cast<double>(values[i]) * values[i - 1];
  }
  for (const int count : bins) EXPECT_NEAR(count, kElements / kBins, 0.02 * kElements / kBins);
  EXPECT_NEAR(neighbours / kElements, 0, 0.007);
}

TEST(RandomModel, SeedAndNameDecide) {
  const ModelFiles a = MakeRandomModel(SmallConfig(), 1);
  const ModelFiles again = MakeRandomModel(SmallConfig(), 1);
  const ModelFiles other = MakeRandomModel(SmallConfig(), 2);
  const auto w1 = [](const ModelFiles& m, int layer, int expert) {
    return ReadElements(m.tensors.expert(layer, expert).w1);
  };
  EXPECT_EQ(w1(a, 1, 3), w1(again, 1, 3));
  EXPECT_NE(w1(a, 1, 3), w1(other, 1, 3));
  EXPECT_NE(w1(a, 1, 3), w1(a, 0, 3));
  EXPECT_NE(w1(a, 1, 3), w1(a, 1, 4));
  EXPECT_EQ(a.fingerprint, again.fingerprint);
  EXPECT_NE(a.fingerprint, other.fingerprint);
  ModelConfig cut = SmallConfig();
  cut.num_layers = 1;
  EXPECT_NE(a.fingerprint, MakeRandomModel(cut, 1).fingerprint);
  EXPECT_EQ(w1(a, 0, 3), w1(MakeRandomModel(cut, 1), 0, 3));
}

TEST(RandomModel, ScalesKeepActivationsOfOrderOne) {
  const ModelConfig c = SmallConfig();
  const ModelFiles model = MakeRandomModel(c, 5);
  for (const float v : ReadElements(model.tensors.norm())) ASSERT_EQ(v, 1);
  for (const float v : ReadElements(model.tensors.layer(1).input_layernorm)) ASSERT_EQ(v, 1);
  for (const float v : ReadElements(model.tensors.layer(0).post_attention_layernorm)) {
    ASSERT_EQ(v, 1);
  }
  EXPECT_NEAR(Variance(ReadElements(model.tensors.embed_tokens())), 1, 0.05);
  const ExpertTensors& expert = model.tensors.expert(1, 7);
  EXPECT_NEAR(Variance(ReadElements(expert.w1)) * c.hidden_size, 1, 0.05);
  EXPECT_NEAR(Variance(ReadElements(expert.w2)) * c.intermediate_size, 1, 0.05);
  EXPECT_NEAR(Variance(ReadElements(model.tensors.lm_head())) * c.hidden_size, 1, 0.05);
  EXPECT_EQ(model.tensors.layer(0).k_proj.rows, c.num_kv_heads * c.head_dim);
  EXPECT_EQ(model.tensors.layer(0).gate.rows, c.num_experts);
  EXPECT_EQ(expert.w2.rows, c.hidden_size);
}

TEST(RandomModel, SameTokensOnAnyRanksAndPlacement) {
  const ModelFiles model = MakeRandomModel(SmallConfig(), 9);
  std::vector<NewSequence> requests;
  for (int i = 0; i < 3; ++i) requests.push_back(GreedyRequest(i, {5 + i, 77, 300}, 12));
  const auto tokens = [&](int ranks, const std::string& placement) {
    std::vector<std::vector<int32_t>> all;
    for (const auto& f :
         RunEngine(ranks, model, {.dtype = DType::kBF16, .placement = placement, .max_tokens = 64},
                   {.max_num_batched_tokens = 64, .pages = {20}}, requests)) {
      all.emplace_back(f.token_ids().begin(), f.token_ids().end());
    }
    return all;
  };
  const auto alone = tokens(1, "contiguous");
  ASSERT_EQ(alone.size(), 3U);
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_EQ(tokens(3, "random:4"), alone);
}

TEST(Shapes, ArePublishedOnes) {
  const auto parameters = [](const char* name) {
    const ModelConfig c = FindShape(name).value();
    const double attention = 2.0 * c.hidden_size * c.head_dim * (c.num_heads + c.num_kv_heads);
    const double experts = 3.0 * c.num_experts * c.hidden_size * c.intermediate_size;
    const double gate = static_cast<double>(c.num_experts) * c.hidden_size;
    return c.num_layers * (attention + experts + gate + 2.0 * c.hidden_size) +
           2.0 * c.vocab_size * c.hidden_size + c.hidden_size;
  };
  // The parameters of the published checkpoints, 46.7 and 140.6 billion, of 2 bytes each.
  EXPECT_EQ(parameters("mixtral-8x7b") * 2, 93405585408.0);
  EXPECT_EQ(parameters("mixtral-8x22b") * 2, 281241268224.0);
  const auto unknown = FindShape("mixtral-9x9b");
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("mixtral-8x22b"));
}

}  // namespace
}  // namespace octet

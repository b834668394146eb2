#include "runtime/checkpoint/weights.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include <cstring>
#include <map>

#include "tests/support/counting_file_system.h"
#include "tests/support/weights_fixture.h"

namespace octet::model_weights {
namespace {

using testing::ElementsAreArray;

// Panel i of `w` as the only ones, for panels first, first + 2, ...
PackedMatrix EverySecondPanel(const PackedMatrix& w, int64_t first, int64_t rows) {
  static std::vector<std::byte> panels;
  panels.clear();
  for (int64_t p = first; p < w.num_panels(); p += 2) {
    panels.insert(panels.end(), w.panel(p), w.panel(p) + w.panel_bytes());
  }
  return {.buffer = Buffer::View(panels.data(), panels.size()),
          .format = w.format,
          .rows = rows,
          .cols = w.cols};
}

// What a rank owns: all that is not an expert, and the experts that the placement gives it.
std::map<std::string, std::vector<ByteRange>> OwnedRanges(const ModelFiles& model,
                                                          const ExpertPlacement& placement,
                                                          int rank) {
  std::vector<TensorSlice> slices = {model.tensors.embed_tokens(), model.tensors.norm()};
  if (!model.config.tie_word_embeddings) slices.push_back(model.tensors.lm_head());
  for (int l = 0; l < model.config.num_layers; ++l) {
    const LayerTensors& t = model.tensors.layer(l);
    slices.insert(slices.end(), {t.input_layernorm, t.q_proj, t.k_proj, t.v_proj, t.o_proj,
                                 t.post_attention_layernorm, t.gate});
    for (int e = 0; e < model.config.num_experts; ++e) {
      const auto ranks = placement.ranks(l, e);
      if (std::find(ranks.begin(), ranks.end(), rank) == ranks.end()) continue;
      const ExpertTensors& expert = model.tensors.expert(l, e);
      slices.insert(slices.end(), {expert.w1, expert.w2, expert.w3});
    }
  }
  std::map<std::string, std::vector<ByteRange>> owned;
  for (const TensorSlice& slice : slices) {
    owned[slice.file->path()].push_back({slice.offset, slice.offset + slice.bytes()});
  }
  for (auto& [path, ranges] : owned) ranges = Joined(ranges);
  return owned;
}

class CheckpointWeightsTest : public WeightsTest, public testing::WithParamInterface<const char*> {
 protected:
  CountingFileSystem counting_{posix_};
  const ModelFiles model_ = OpenModelOrDie(counting_, Golden(GetParam()));
};

TEST_P(CheckpointWeightsTest, ReadsWhatItOwnsAndEachByteOnce) {
  for (const int num_ranks : {1, 2, 3, 8, 11}) {
    for (const char* spec : {"contiguous", "round-robin", "random:4"}) {
      const ExpertPlacement placement = PlacementOf(spec, model_.config, num_ranks);
      for (int rank = 0; rank < num_ranks; ++rank) {
        SCOPED_TRACE(absl::StrCat(spec, ", rank ", rank, " of ", num_ranks));
        counting_.Reset();
        ASSERT_TRUE(Load(model_, placement, rank).ok());
        const auto owned = OwnedRanges(model_, placement, rank);
        uint64_t owned_bytes = 0;
        for (const SafetensorsFile& file : model_.checkpoint->files()) {
          const std::string& path = file.file().path();
          std::vector<ByteRange> reads;
          for (const auto& read : counting_.Reads(path)) {
            reads.push_back({read.offset, read.offset + read.bytes});
          }
          const auto found = owned.find(path);
          ASSERT_EQ(Joined(reads), found == owned.end() ? std::vector<ByteRange>() : found->second);
          for (const ByteRange& range : Joined(reads)) owned_bytes += range.end - range.begin;
        }
        EXPECT_EQ(counting_.BytesRead(), owned_bytes) << "other files are read";
        EXPECT_EQ(BytesToLoad(model_.tensors, model_.config, placement, rank), owned_bytes);
      }
    }
  }
}

TEST_P(CheckpointWeightsTest, TakesTheMemoryOfItsPartAndNoMore) {
  const ModelConfig& c = model_.config;
  const int64_t heads = (c.num_heads + 2 * c.num_kv_heads) * c.head_dim;
  const size_t embed_element = SizeOf(ElementType(model_.tensors.embed_tokens().format));
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const size_t layer = 2 * c.hidden_size * sizeof(float) +
                         PackedBytes(heads, c.hidden_size, dtype) +
                         PackedBytes(c.hidden_size, c.num_heads * c.head_dim, dtype) +
                         PackedBytes(c.num_experts, c.hidden_size, DType::kF32);
    const size_t replicated =
        c.vocab_size * c.hidden_size * embed_element + c.hidden_size * sizeof(float) +
        PackedBytes(c.vocab_size, c.hidden_size, dtype) + c.num_layers * layer;
    const size_t expert = 2 * PackedBytes(c.intermediate_size, c.hidden_size, dtype) +
                          PackedBytes(c.hidden_size, c.intermediate_size, dtype);
    for (const int num_ranks : {1, 3, 8, 11}) {
      const ExpertPlacement placement = PlacementOf("random:2", c, num_ranks);
      size_t experts = 0;
      for (int rank = 0; rank < num_ranks; ++rank) {
        const auto weights = Load(model_, placement, rank, dtype);
        ASSERT_TRUE(weights.ok()) << weights.status();
        EXPECT_EQ(weights->replicated_bytes(), replicated);
        size_t owned = 0;
        for (int l = 0; l < c.num_layers; ++l) owned += placement.LocalExperts(l, rank).size();
        EXPECT_EQ(weights->expert_bytes(), owned * expert);
        experts += weights->expert_bytes();
      }
      EXPECT_EQ(experts, expert * c.num_experts * c.num_layers);
    }
  }
}

TEST_P(CheckpointWeightsTest, HoldsEveryValueInItsPlace) {
  const ModelConfig& c = model_.config;
  const ExpertPlacement placement = PlacementOf("round-robin", c, 3);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const ModelWeights weights = Load(model_, placement, 1, dtype).value();
    ExpectHolds(weights.lm_head, {model_.tensors.lm_head()});
    EXPECT_THAT(weights.norm, ElementsAreArray(ReadFloats(model_.tensors.norm())));
    ASSERT_EQ(std::ssize(weights.layers), c.num_layers);
    for (int l = 0; l < c.num_layers; ++l) {
      const LayerWeights& layer = weights.layers[l];
      const LayerTensors& t = model_.tensors.layer(l);
      EXPECT_THAT(layer.input_layernorm, ElementsAreArray(ReadFloats(t.input_layernorm)));
      EXPECT_THAT(layer.post_attention_layernorm,
                  ElementsAreArray(ReadFloats(t.post_attention_layernorm)));
      ASSERT_EQ(layer.qkv_proj.size(), 1U);
      ExpectHolds(layer.qkv_proj[0], {t.q_proj, t.k_proj, t.v_proj});
      ExpectHolds(layer.o_proj, {t.o_proj});
      EXPECT_EQ(layer.gate.dtype(), DType::kF32);
      ExpectHolds(layer.gate, {t.gate});
      ASSERT_EQ(std::ssize(layer.experts), c.num_experts);
      for (int e = 0; e < c.num_experts; ++e) {
        ASSERT_EQ(layer.experts[e] != nullptr, e % 3 == 1);
        if (layer.experts[e] == nullptr) continue;
        const ExpertTensors& expert = model_.tensors.expert(l, e);
        const PackedMatrix& both = layer.experts[e]->gate_up;
        ExpectHolds(EverySecondPanel(both, 0, c.intermediate_size), {expert.w1});
        ExpectHolds(EverySecondPanel(both, 1, c.intermediate_size), {expert.w3});
        ExpectHolds(layer.experts[e]->down, {expert.w2});
      }
    }
  }
}

TEST_P(CheckpointWeightsTest, AnyNumberOfThreadsLoadsTheSame) {
  const ExpertPlacement placement = PlacementOf("contiguous", model_.config, 1);
  const ModelWeights alone = Load(model_, placement, 0, DType::kBF16).value();
  for (const int threads : {2, 5}) {
    const auto backend = MakeCpuBackend(SupportedIsas().back(), threads);
    counting_.Reset();
    const auto weights =
        LoadWeightsAlone(model_.tensors, model_.config, placement, 0, *backend, DType::kBF16);
    ASSERT_TRUE(weights.ok()) << weights.status();
    EXPECT_EQ(counting_.BytesRead(), BytesToLoad(model_.tensors, model_.config, placement, 0));
    EXPECT_EQ(
        std::memcmp(weights->replicated.data(), alone.replicated.data(), alone.replicated.bytes()),
        0);
    for (int l = 0; l < model_.config.num_layers; ++l) {
      for (int e = 0; e < model_.config.num_experts; ++e) {
        const ExpertWeights& a = *alone.layers[l].experts[e];
        const ExpertWeights& b = *weights->layers[l].experts[e];
        EXPECT_EQ(
            std::memcmp(a.gate_up.buffer.data(), b.gate_up.buffer.data(), a.gate_up.buffer.bytes()),
            0);
        EXPECT_EQ(std::memcmp(a.down.buffer.data(), b.down.buffer.data(), a.down.buffer.bytes()),
                  0);
      }
    }
  }
}

TEST_P(CheckpointWeightsTest, TellsHowFarItIs) {
  const ExpertPlacement placement = PlacementOf("contiguous", model_.config, 2);
  const uint64_t expected = BytesToLoad(model_.tensors, model_.config, placement, 1);
  uint64_t last = 0;
  const auto progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, expected);
    last = done;
  };
  ASSERT_TRUE(LoadWeightsAlone(model_.tensors, model_.config, placement, 1, *backend_, DType::kF32,
                               progress)
                  .ok());
  EXPECT_EQ(last, expected);
}

// Ranks of a host load parts of what they share; together they are what one rank alone loads.
TEST_P(CheckpointWeightsTest, PartsMakeTheWhole) {
  const ExpertPlacement placement = PlacementOf("round-robin", model_.config, 3);
  const size_t bytes = ReplicatedMemoryBytes(model_.tensors, model_.config, DType::kBF16);
  const ModelWeights alone = Load(model_, placement, 0, DType::kBF16).value();
  ASSERT_EQ(alone.replicated.bytes(), bytes);
  const Buffer shared = backend_->Allocate(bytes);
  counting_.Reset();
  uint64_t expected_bytes = 0;
  for (int rank = 0; rank < 3; ++rank) {
    expected_bytes += BytesToLoad(model_.tensors, model_.config, placement, rank, rank, 3);
    const auto weights =
        LoadWeights(model_.tensors, model_.config, placement, rank,
                    {.buffer = Buffer::View(shared.data(), bytes), .part = rank, .num_parts = 3},
                    *backend_, DType::kBF16, [](uint64_t, uint64_t) {});
    ASSERT_TRUE(weights.ok()) << weights.status();
    EXPECT_EQ(weights->lm_head.buffer.data() - shared.data(),
              alone.lm_head.buffer.data() - alone.replicated.data());
  }
  EXPECT_EQ(std::memcmp(shared.data(), alone.replicated.data(), bytes), 0);
  EXPECT_EQ(counting_.BytesRead(), expected_bytes);
  EXPECT_EQ(expected_bytes, BytesToLoad(model_.tensors, model_.config,
                                        PlacementOf("contiguous", model_.config, 1), 0));
}

INSTANTIATE_TEST_SUITE_P(Golden, CheckpointWeightsTest,
                         testing::Values("basic", "sharded_bf16", "fused_v5", "window_tied"),
                         [](const auto& test) { return test.param; });

TEST_F(WeightsTest, AReplicaIsReadByEachOfItsRanks) {
  const ModelFiles model = OpenModelOrDie(posix_, Golden("basic"));
  Placement proto;
  for (int l = 0; l < model.config.num_layers; ++l) {
    LayerPlacement& layer = *proto.add_layers();
    for (int e = 0; e < model.config.num_experts; ++e) {
      ExpertRanks& ranks = *layer.add_experts();
      ranks.add_ranks(0);
      if (e == 3) ranks.add_ranks(1);
    }
  }
  const auto placement =
      ExpertPlacement::FromProto(proto, {model.config.num_layers, model.config.num_experts, 3})
          .value();
  const size_t expert = PackedBytes(64, 96, DType::kF32) + 2 * PackedBytes(96, 64, DType::kF32);
  const auto layers = static_cast<size_t>(model.config.num_layers);
  EXPECT_EQ(Load(model, placement, 0)->expert_bytes(), 8 * expert * layers);
  EXPECT_EQ(Load(model, placement, 1)->expert_bytes(), expert * layers);
  EXPECT_EQ(Load(model, placement, 2)->expert_bytes(), 0U);
}

}  // namespace
}  // namespace octet::model_weights

#include "runtime/checkpoint/weights.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/checkpoint/model_files.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/rank_model.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/tensor_slice.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

std::string Golden(const std::string& name) {
  return JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name);
}

ExpertPlacement PlacementOf(const std::string& spec, const ModelConfig& config, int num_ranks) {
  return ExpertPlacement::Parse(spec, {config.num_layers, config.num_experts, num_ranks}).value();
}

float At(const PackedMatrix& w, int64_t row, int64_t col) {
  const std::byte* panel = w.panel(row / PackedMatrix::kPanel);
  const int64_t lane = row % PackedMatrix::kPanel;
  if (w.dtype == DType::kF32) return reinterpret_cast<const float*>(panel)[col * 16 + lane];
  return ToFloat(reinterpret_cast<const BF16*>(panel)[col / 2 * 32 + lane * 2 + col % 2]);
}

// `w` holds these slices one below the other, rounded where it is bfloat16.
void ExpectHolds(const PackedMatrix& w, const std::vector<TensorSlice>& slices) {
  int64_t row = 0;
  for (const TensorSlice& slice : slices) {
    ASSERT_EQ(w.cols, slice.cols) << slice.name;
    const std::vector<float> values = ReadFloats(slice);
    for (int64_t i = 0; i < std::ssize(values); ++i) {
      const float expected = w.dtype == DType::kBF16 ? ToFloat(ToBF16(values[i])) : values[i];
      ASSERT_EQ(At(w, row + i / w.cols, i % w.cols), expected) << slice.name << " " << i;
    }
    row += slice.rows;
  }
  EXPECT_EQ(w.rows, row);
}

// Panel i of `w` as the only ones, for panels first, first + 2, ...
PackedMatrix EverySecondPanel(const PackedMatrix& w, int64_t first, int64_t rows) {
  static std::vector<std::byte> panels;
  panels.clear();
  for (int64_t p = first; p < w.num_panels(); p += 2) {
    panels.insert(panels.end(), w.panel(p), w.panel(p) + w.panel_bytes());
  }
  return {.buffer = Buffer::View(panels.data(), panels.size()),
          .dtype = w.dtype,
          .rows = rows,
          .cols = w.cols};
}

// The checkpoint in `directory` with all its tensors stored as `dtype`, as m/model.safetensors.
MemoryFileSystem StoredAs(const std::string& directory, DType dtype) {
  PosixFileSystem posix;
  const Checkpoint checkpoint = Checkpoint::Open(posix, directory).value();
  SafetensorsWriter writer;
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const SafetensorsTensor& tensor : file.tensors()) {
      const DType stored = ComputableDType(tensor.dtype).value();
      const TensorSlice slice = {.file = &file.file(),
                                 .dtype = stored,
                                 .offset = tensor.offset,
                                 .rows = 1,
                                 .cols = static_cast<int64_t>(tensor.bytes / SizeOf(stored))};
      writer.Add(tensor.name, dtype, {tensor.shape.begin(), tensor.shape.end()}, ReadFloats(slice));
    }
  }
  MemoryFileSystem memory;
  memory.files["m/model.safetensors"] = writer.Bytes();
  memory.files["m/config.json"] = posix.ReadWhole(JoinPath(directory, "config.json")).value();
  return memory;
}

struct ByteRange {
  uint64_t begin;
  uint64_t end;
  bool operator==(const ByteRange&) const = default;
};
std::ostream& operator<<(std::ostream& out, const ByteRange& r) {
  return out << "[" << r.begin << ", " << r.end << ")";
}

// Sorted, neighbours joined. What overlaps is a failure.
std::vector<ByteRange> Joined(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> joined;
  for (const ByteRange& range : ranges) {
    const uint64_t end = joined.empty() ? 0 : joined.back().end;
    EXPECT_GE(range.begin, end) << "a byte twice";
    if (!joined.empty() && range.begin == end) {
      joined.back().end = range.end;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

class WeightsTest : public testing::Test {
 protected:
  absl::StatusOr<ModelWeights> Load(const ModelFiles& model, const ExpertPlacement& placement,
                                    int rank, DType dtype = DType::kF32) {
    return LoadWeightsAlone(model.tensors, model.config, placement, rank, *backend_, dtype);
  }

  PosixFileSystem posix_;
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().back(), 1);
};

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

// Bytes of a packed weight: panels of 16 outputs, and in bfloat16 pairs of inputs.
size_t PackedBytes(int64_t rows, int64_t cols, DType dtype) {
  const int64_t inputs = dtype == DType::kBF16 ? (cols + 1) / 2 * 2 : cols;
  return static_cast<size_t>((rows + 15) / 16 * 16 * inputs) * SizeOf(dtype);
}

TEST_P(CheckpointWeightsTest, TakesTheMemoryOfItsPartAndNoMore) {
  const ModelConfig& c = model_.config;
  const int64_t heads = (c.num_heads + 2 * c.num_kv_heads) * c.head_dim;
  const size_t embed_element = SizeOf(model_.tensors.embed_tokens().dtype);
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
      ExpectHolds(layer.qkv_proj, {t.q_proj, t.k_proj, t.v_proj});
      ExpectHolds(layer.o_proj, {t.o_proj});
      EXPECT_EQ(layer.gate.dtype, DType::kF32);
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

INSTANTIATE_TEST_SUITE_P(Golden, CheckpointWeightsTest,
                         testing::Values("basic", "sharded_bf16", "fused_v5", "window_tied"),
                         [](const auto& test) { return test.param; });

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

// bfloat16 embeddings stay as they are, others become float32; the rest follows the compute dtype.
TEST_F(WeightsTest, AnyStoredDTypeBecomesAnyComputedOne) {
  for (const char* name : {"basic", "window_tied"}) {
    for (const DType stored : {DType::kF32, DType::kBF16, DType::kF16}) {
      MemoryFileSystem memory = StoredAs(Golden(name), stored);
      const ModelFiles model = OpenModelOrDie(memory, "m");
      const ExpertPlacement placement = PlacementOf("contiguous", model.config, 1);
      for (const DType dtype : {DType::kF32, DType::kBF16}) {
        SCOPED_TRACE(absl::StrCat(name, " ", Name(stored), " as ", Name(dtype)));
        const ModelWeights weights = Load(model, placement, 0, dtype).value();
        const Matrix embed = weights.embed_tokens;
        EXPECT_EQ(embed.dtype, stored == DType::kBF16 ? DType::kBF16 : DType::kF32);
        const std::vector<float> expected = ReadFloats(model.tensors.embed_tokens());
        for (int64_t i = 0; i < std::ssize(expected); ++i) {
          const std::byte* row = embed.row(i / embed.cols);
          const float value = embed.dtype == DType::kF32
                                  ? reinterpret_cast<const float*>(row)[i % embed.cols]
                                  : ToFloat(reinterpret_cast<const BF16*>(row)[i % embed.cols]);
          ASSERT_EQ(value, expected[i]);
        }
        EXPECT_THAT(weights.norm, ElementsAreArray(ReadFloats(model.tensors.norm())));
        EXPECT_EQ(weights.lm_head.dtype, dtype);
        ExpectHolds(weights.lm_head, {model.tensors.lm_head()});
        ExpectHolds(weights.layers[0].gate, {model.tensors.layer(0).gate});
        ExpectHolds(weights.layers[1].experts[2]->down, {model.tensors.expert(1, 2).w2});
      }
    }
  }
}

TEST_F(WeightsTest, TiedEmbeddingsAreReadOnce) {
  CountingFileSystem counting(posix_);
  const ModelFiles model = OpenModelOrDie(counting, Golden("window_tied"));
  ASSERT_TRUE(model.config.tie_word_embeddings);
  counting.Reset();
  ASSERT_TRUE(Load(model, PlacementOf("contiguous", model.config, 1), 0).ok());
  const TensorSlice& embed = model.tensors.embed_tokens();
  uint64_t read = 0;
  for (const auto& r : counting.Reads(embed.file->path())) {
    if (r.offset >= embed.offset && r.offset < embed.offset + embed.bytes()) read += r.bytes;
  }
  EXPECT_EQ(read, embed.bytes());
}

// Fails every read from the n-th on.
class FailingFileSystem : public ForwardingFileSystem {
 public:
  FailingFileSystem(FileSystem& base, int good_reads)
      : ForwardingFileSystem(base), good_reads_(good_reads) {}

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override {
    auto file = base_.Open(path);
    if (!file.ok()) return file.status();
    return std::make_unique<File>(*std::move(file), *this);
  }

  void Allow(int good_reads) { good_reads_ = good_reads; }
  int num_reads() const { return num_reads_; }
  void Reset() { num_reads_ = 0; }

 private:
  class File : public RandomAccessFile {
   public:
    File(std::unique_ptr<RandomAccessFile> base, FailingFileSystem& files)
        : base_(std::move(base)), files_(files) {}
    absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
      if (files_.num_reads_++ < files_.good_reads_) return base_->Read(offset, out);
      return absl::DataLossError(absl::StrCat(path(), ": read ", files_.num_reads_, " failed"));
    }
    uint64_t size() const override { return base_->size(); }
    const std::string& path() const override { return base_->path(); }

   private:
    std::unique_ptr<RandomAccessFile> base_;
    FailingFileSystem& files_;
  };

  int good_reads_;
  int num_reads_ = 0;
};

TEST_F(WeightsTest, AnyReadThatFailsIsTheErrorAndTheLastRead) {
  constexpr int kAll = 1000000;
  FailingFileSystem failing(posix_, kAll);
  const ModelFiles model = OpenModelOrDie(failing, Golden("sharded_bf16"));
  const ExpertPlacement placement = PlacementOf("contiguous", model.config, 2);
  failing.Reset();
  ASSERT_TRUE(Load(model, placement, 1).ok());
  const int reads = failing.num_reads();
  for (int good = 0; good < reads; ++good) {
    failing.Reset();
    failing.Allow(good);
    const absl::Status status = Load(model, placement, 1).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("read ", good + 1)));
    EXPECT_EQ(failing.num_reads(), good + 1);
  }
}

// A checkpoint of zeros that takes no room on disk: only the first and last element of each row are
// something else.
class SparseCheckpoint {
 public:
  SparseCheckpoint()
      : directory_(JoinPath(testing::TempDir(), absl::StrCat("octet_weights_test.", getpid()))) {
    std::filesystem::create_directory(directory_);
  }
  ~SparseCheckpoint() { std::filesystem::remove_all(directory_); }

  void Add(const std::string& name, int64_t rows, int64_t cols) {
    const uint64_t end = data_bytes_ + static_cast<uint64_t>(rows * cols) * sizeof(float);
    header_[name] = {{"dtype", "F32"}, {"data_offsets", {data_bytes_, end}}};
    header_[name]["shape"] = {rows, cols};
    if (name.ends_with("norm.weight")) header_[name]["shape"] = {cols};
    tensors_.push_back({data_bytes_, rows, cols});
    data_bytes_ = end;
  }

  std::string Write() const {
    const std::string header = SafetensorsBytes(header_.dump(), "");
    const std::string path = JoinPath(directory_, "model.safetensors");
    WriteFile(path, header);
    std::filesystem::resize_file(path, header.size() + data_bytes_);
    const int file = open(path.c_str(), O_WRONLY);
    const auto put = [&](uint64_t at, float value) {
      OCTET_CHECK_EQ(pwrite(file, &value, sizeof(value), static_cast<off_t>(header.size() + at)),
                     static_cast<ssize_t>(sizeof(value)));
    };
    for (const Tensor& tensor : tensors_) {
      const uint64_t row_bytes = tensor.cols * sizeof(float);
      for (int64_t row = 0; row < tensor.rows; ++row) {
        put(tensor.begin + row * row_bytes, First(row));
        put(tensor.begin + (row + 1) * row_bytes - sizeof(float), Last(row));
      }
    }
    close(file);
    return directory_;
  }

  // Exact in bfloat16, too; other for every row of a tensor.
  static float First(int64_t row) { return static_cast<float>(row % 128 + 1); }
  static float Last(int64_t row) { return static_cast<float>(-(row / 128 + 1)); }

 private:
  struct Tensor {
    uint64_t begin;
    int64_t rows;
    int64_t cols;
  };
  std::string directory_;
  nlohmann::json header_;
  std::vector<Tensor> tensors_;
  uint64_t data_bytes_ = 0;
};

ModelConfig WideConfig() {
  ModelConfig config;
  config.vocab_size = 1100;
  config.hidden_size = 8192;  // a row has 32 KiB, a panel half a MiB
  config.intermediate_size = 8;
  config.num_layers = 1;
  config.num_heads = config.num_kv_heads = 3;
  config.head_dim = 250;  // neither q nor k ends with a panel
  config.num_experts = config.experts_per_token = 1;
  config.tie_word_embeddings = true;
  return config;
}

void AddWideTensors(SparseCheckpoint& sparse) {
  const std::string layer = "model.layers.0.";
  sparse.Add("model.embed_tokens.weight", 1100, 8192);
  sparse.Add("model.norm.weight", 1, 8192);
  sparse.Add(layer + "input_layernorm.weight", 1, 8192);
  for (const char* name : {"q", "k", "v"}) {
    sparse.Add(absl::StrCat(layer, "self_attn.", name, "_proj.weight"), 750, 8192);
  }
  sparse.Add(layer + "self_attn.o_proj.weight", 8192, 750);
  sparse.Add(layer + "post_attention_layernorm.weight", 1, 8192);
  sparse.Add(layer + "block_sparse_moe.gate.weight", 1, 8192);
  sparse.Add(layer + "block_sparse_moe.experts.0.w1.weight", 8, 8192);
  sparse.Add(layer + "block_sparse_moe.experts.0.w2.weight", 8192, 8);
  sparse.Add(layer + "block_sparse_moe.experts.0.w3.weight", 8, 8192);
}

// Tensors of real models are larger than what is read at once.
TEST_F(WeightsTest, LargeTensorsComeInPieces) {
  const ModelConfig config = WideConfig();
  SparseCheckpoint sparse;
  AddWideTensors(sparse);
  CountingFileSystem counting(posix_);
  const auto checkpoint = Checkpoint::Open(counting, sparse.Write());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto tensors = MixtralTensors::Map(*checkpoint, config);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  counting.Reset();
  const auto weights = LoadWeightsAlone(*tensors, config, PlacementOf("contiguous", config, 1), 0,
                                        *backend_, DType::kBF16);
  ASSERT_TRUE(weights.ok()) << weights.status();

  constexpr uint64_t kMostAtOnce = uint64_t{512} << 10;
  std::vector<ByteRange> reads;
  for (const auto& read : counting.Reads(checkpoint->files()[0].file().path())) {
    EXPECT_LE(read.bytes, kMostAtOnce);
    reads.push_back({read.offset, read.offset + read.bytes});
  }
  const auto& stored = checkpoint->files()[0].tensors();
  EXPECT_THAT(Joined(reads),
              testing::ElementsAre(
                  ByteRange{stored.front().offset, stored.back().offset + stored.back().bytes}));

  const auto expect_rows = [](const PackedMatrix& w, int64_t rows_of_each) {
    for (int64_t row = 0; row < w.rows; ++row) {
      ASSERT_EQ(At(w, row, 0), SparseCheckpoint::First(row % rows_of_each)) << row;
      ASSERT_EQ(At(w, row, 1), 0) << row;
      ASSERT_EQ(At(w, row, w.cols - 1), SparseCheckpoint::Last(row % rows_of_each)) << row;
    }
  };
  expect_rows(weights->layers[0].qkv_proj, 750);
  expect_rows(weights->layers[0].o_proj, 8192);
  expect_rows(weights->layers[0].experts[0]->down, 8192);
  expect_rows(weights->lm_head, 1100);
  for (int64_t row = 0; row < 1100; ++row) {
    ASSERT_EQ(weights->embed_tokens.f32(row)[0], SparseCheckpoint::First(row));
    ASSERT_EQ(weights->embed_tokens.f32(row)[8191], SparseCheckpoint::Last(row));
  }
}

}  // namespace
}  // namespace octet

// Tensors as large as those of real models.

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/counting_file_system.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/test_files.h"
#include "tests/support/weights_fixture.h"

namespace octet::model_weights {
namespace {

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
  expect_rows(weights->layers[0].qkv_proj[0], 750);
  expect_rows(weights->layers[0].o_proj, 8192);
  expect_rows(weights->layers[0].experts[0]->down, 8192);
  expect_rows(weights->lm_head, 1100);
  for (int64_t row = 0; row < 1100; ++row) {
    ASSERT_EQ(weights->embed_tokens.matrix().f32(row)[0], SparseCheckpoint::First(row));
    ASSERT_EQ(weights->embed_tokens.matrix().f32(row)[8191], SparseCheckpoint::Last(row));
  }
}

}  // namespace
}  // namespace octet::model_weights

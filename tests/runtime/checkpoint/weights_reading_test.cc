// Weights of any dtype, of tied embeddings, and from files that can't be read.

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include "tests/support/counting_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/weights_fixture.h"

namespace octet::model_weights {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

// The checkpoint in `directory` with all its tensors stored as `dtype`, as m/model.safetensors.
MemoryFileSystem StoredAs(const std::string& directory, DType dtype) {
  PosixFileSystem posix;
  const Checkpoint checkpoint = Checkpoint::Open(posix, directory).value();
  SafetensorsWriter writer;
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const SafetensorsTensor& tensor : file.tensors()) {
      const DType stored = ComputableDType(tensor.dtype).value();
      const TensorSlice slice = {.file = &file.file(),
                                 .format = FormatOf(stored),
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
        const Matrix embed = weights.embed_tokens.matrix();
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
        EXPECT_EQ(weights.lm_head.dtype(), dtype);
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

}  // namespace
}  // namespace octet::model_weights

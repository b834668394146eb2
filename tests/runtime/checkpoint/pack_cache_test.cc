#include "runtime/checkpoint/pack_cache.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/checkpoint/weights.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/fault_samples.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/power_cut_file_system.h"
#include "tests/support/rank_model.h"
#include "tests/support/same_weights.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kDirectory[] = "cache";
const LoadProgress kNoProgress = [](uint64_t, uint64_t) {};

// How a rank starts.
struct Start {
  std::string placement = "contiguous";
  int num_ranks = 1;
  int rank = 0;
  DType dtype = DType::kBF16;
  std::string model = "m1";
};

class PackCacheTest : public testing::Test {
 protected:
  ModelWeights Load(const Start& start, PackCache* cache) {
    const ModelConfig& c = model_.config;
    const auto placement =
        ExpertPlacement::Parse(start.placement, {c.num_layers, c.num_experts, start.num_ranks});
    const size_t bytes = ReplicatedMemoryBytes(model_.tensors, c, start.dtype);
    Buffer mapped;
    if (cache != nullptr) mapped = MapReplicated(*cache, bytes, true, *backend_, kNoProgress);
    const bool is_loaded = mapped.data() != nullptr;
    ReplicatedMemory memory = {.buffer = is_loaded ? std::move(mapped) : backend_->Allocate(bytes)};
    memory.is_loaded = is_loaded;
    auto weights = LoadWeights(model_.tensors, c, *placement, start.rank, std::move(memory),
                               *backend_, start.dtype, kNoProgress, {.cache = cache});
    EXPECT_TRUE(weights.ok()) << weights.status();
    return *std::move(weights);
  }

  struct Outcome {
    uint64_t mapped_bytes = 0;
    uint64_t kept_bytes = 0;
    std::vector<std::string> notes;
  };

  // Loads with the cache, keeps what is not there, and compares with what is loaded without it.
  Outcome Run(FileSystem& files, const Start& start = {}) {
    PackCache cache(files, kDirectory, start.model, Name(start.dtype));
    const ModelWeights weights = Load(start, &cache);
    ExpectSameWeights(weights, Load(start, nullptr));
    KeepWeights(weights, true, cache, *backend_);
    return {weights.mapped_bytes, cache.bytes_kept(), cache.TakeNotes()};
  }

  static uint64_t AllBytes(const ModelWeights& weights) {
    return weights.replicated.bytes() + weights.expert_bytes();
  }

  PosixFileSystem posix_;
  CountingFileSystem counting_{posix_};
  const ModelFiles model_ =
      OpenModelOrDie(counting_, OCTET_SOURCE_DIR "/tests/golden/hf/sharded_bf16");
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().back(), 2);
  MemoryFileSystem memory_;
};

TEST_F(PackCacheTest, ASecondStartReadsNothingOfTheModel) {
  const Outcome first = Run(memory_);
  EXPECT_EQ(first.mapped_bytes, 0U);
  EXPECT_GT(first.kept_bytes, 0U);
  EXPECT_THAT(first.notes, IsEmpty());

  counting_.Reset();
  PackCache cache(memory_, kDirectory, "m1", "bfloat16");
  const ModelWeights weights = Load({}, &cache);
  EXPECT_EQ(counting_.BytesRead(), 0U);
  EXPECT_EQ(weights.mapped_bytes, AllBytes(weights));

  const Outcome third = Run(memory_);
  EXPECT_EQ(third.mapped_bytes, AllBytes(weights));
  EXPECT_EQ(third.kept_bytes, 0U);
  EXPECT_THAT(third.notes, IsEmpty());
}

TEST_F(PackCacheTest, ServesAnyPlacementAndNumberOfRanks) {
  for (int rank = 0; rank < 3; ++rank) {
    Run(memory_, {.placement = "round-robin", .num_ranks = 3, .rank = rank});
  }
  for (const int num_ranks : {1, 2, 5}) {
    for (const char* placement : {"contiguous", "random:3"}) {
      for (int rank = 0; rank < num_ranks; ++rank) {
        SCOPED_TRACE(absl::StrCat(placement, ", rank ", rank, " of ", num_ranks));
        const Start start = {.placement = placement, .num_ranks = num_ranks, .rank = rank};
        const uint64_t all = AllBytes(Load(start, nullptr));
        const Outcome outcome = Run(memory_, start);
        EXPECT_EQ(outcome.mapped_bytes, all);
        EXPECT_EQ(outcome.kept_bytes, 0U);
      }
    }
  }
}

TEST_F(PackCacheTest, KeepsEachDTypeForItself) {
  Run(memory_);
  const Outcome other = Run(memory_, {.dtype = DType::kF32});
  EXPECT_EQ(other.mapped_bytes, 0U);
  EXPECT_THAT(other.notes, IsEmpty());
  EXPECT_GT(Run(memory_).mapped_bytes, 0U);
  EXPECT_GT(Run(memory_, {.dtype = DType::kF32}).mapped_bytes, 0U);

  memory_.files["cache/replicated.float32.packed"] =
      memory_.files["cache/replicated.bfloat16.packed"];
  const Outcome forged = Run(memory_, {.dtype = DType::kF32});
  EXPECT_THAT(forged.notes,
              ElementsAre(HasSubstr("has 'formats bfloat16' where 'formats float32' is wanted")));
}

TEST_F(PackCacheTest, AnotherModelTakesItsPlaceAndSaysSo) {
  Run(memory_);
  const Outcome other = Run(memory_, {.model = "m2"});
  EXPECT_EQ(other.mapped_bytes, 0U);
  EXPECT_GT(other.kept_bytes, 0U);
  EXPECT_THAT(other.notes,
              ElementsAre(testing::AllOf(
                  StartsWith("cache/replicated.bfloat16.packed has 'model m1' where 'model m2'"),
                  HasSubstr("parts are read from the model instead"))));
  EXPECT_GT(Run(memory_, {.model = "m2"}).mapped_bytes, 0U);
}

TEST_F(PackCacheTest, WhatIsDamagedIsNoticedAndMadeAnew) {
  Run(memory_);
  const auto whole = memory_.files;
  const std::string path = "cache/layer-1-expert-2.bfloat16.packed";
  ASSERT_TRUE(whole.contains(path));
  const std::string good = whole.at(path);
  const uint64_t all = AllBytes(Load({}, nullptr));

  const auto expect_replaced = [&](const std::string& bad, const std::string& reason) {
    memory_.files[path] = bad;
    const Outcome outcome = Run(memory_);
    EXPECT_LT(outcome.mapped_bytes, all);
    EXPECT_EQ(outcome.kept_bytes, good.size());
    EXPECT_THAT(outcome.notes,
                ElementsAre(testing::AllOf(StartsWith(path + " " + reason),
                                           HasSubstr("; 1 part is read from the model instead"))));
    EXPECT_EQ(memory_.files, whole);
  };
  expect_replaced("", "is no file of packed weights");
  expect_replaced("short", "is no file of packed weights");
  expect_replaced(std::string(good.size(), '\0'), "is no file of packed weights");
  expect_replaced(good.substr(0, good.size() - 1), "has ");
  expect_replaced(good.substr(0, 4096), "has 4096 bytes instead of ");
  expect_replaced(good + "x", "has ");
  for (const size_t at : {size_t{4096}, size_t{4096 + 300}, good.find("checksum ") + 9}) {
    std::string bad = good;
    bad[at] ^= 1;
    expect_replaced(bad, "is damaged");
  }
  std::string other_layout = good;
  other_layout[good.find("layout ") + 7] = '0';
  expect_replaced(other_layout, "has 'layout 0' where 'layout ");
}

// Packed bytes of other code would be taken for these: count kPackedLayout on, then change this.
TEST_F(PackCacheTest, TheLayoutIsThatOfItsNumber) {
  Run(memory_);
  std::string checksums;
  for (const char* part : {"replicated", "layer-0-expert-0"}) {
    const std::string& file = memory_.files[absl::StrCat("cache/", part, ".bfloat16.packed")];
    checksums += file.substr(file.find("checksum "), 25);
  }
  EXPECT_EQ(kPackedLayout, 1);
  EXPECT_EQ(checksums, "checksum 6c41eb6737b33f34checksum 07fa6b6258025fcf");
}

TEST_F(PackCacheTest, ACallThatFailsIsNoError) {
  FaultyFileSystem faulty(memory_);
  Run(faulty);
  const int64_t first_calls = faulty.calls();
  Run(faulty);
  const int64_t second_calls = faulty.calls() - first_calls;
  const auto whole = memory_.files;
  const auto step = [](int64_t i) { return kFaultStep * (i < 30 ? 1 : 7); };  // files are alike
  for (int64_t i = 0; i < first_calls; i += step(i)) {
    SCOPED_TRACE(absl::StrCat("call ", i, " of a first start"));
    MemoryFileSystem fresh;
    FaultyFileSystem files(fresh);
    files.fail_at = i;
    EXPECT_THAT(Run(files).notes, ElementsAre(HasSubstr("disk on fire")));
    files.fail_at = -1;
    Run(files);  // sees nothing that is not whole
    EXPECT_EQ(fresh.files, whole);
  }
  for (int64_t i = 0; i < second_calls; i += step(i)) {
    SCOPED_TRACE(absl::StrCat("call ", i, " of a second start"));
    FaultyFileSystem files(memory_);
    files.fail_at = i;
    EXPECT_THAT(Run(files).notes, ElementsAre(HasSubstr("disk on fire")));
  }
}

TEST_F(PackCacheTest, APowerCutLeavesNothingThatLooksWhole) {
  PowerCutFileSystem uncut({});
  Run(uncut);
  std::mt19937 random(1);
  for (int64_t cut = 0; cut < uncut.calls(); cut += 3 * kFaultStep) {
    SCOPED_TRACE(absl::StrCat("cut at call ", cut));
    PowerCutFileSystem files({});
    files.cut_at = cut;
    Run(files);
    MemoryFileSystem after;
    after.files = files.AfterCut(random);
    EXPECT_THAT(Run(after).notes, IsEmpty());
  }
}

TEST_F(PackCacheTest, ADirectoryThatCannotBeWrittenIsSaid) {
  class ReadOnly : public ForwardingFileSystem {
   public:
    using ForwardingFileSystem::ForwardingFileSystem;
    absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
      return absl::PermissionDeniedError(absl::StrCat(path, ": Read-only file system"));
    }
  };
  ReadOnly read_only(memory_);
  EXPECT_THAT(Run(read_only).notes,
              ElementsAre(testing::AllOf(StartsWith("packed weights are not kept: cache/"),
                                         HasSubstr("Read-only file system"))));
  Run(memory_);
  const Outcome filled = Run(read_only);  // reading is enough
  EXPECT_GT(filled.mapped_bytes, 0U);
  EXPECT_THAT(filled.notes, IsEmpty());
}

TEST_F(PackCacheTest, WhatAnotherProcessIsWritingIsLeftToIt) {
  const auto lock = memory_.Lock("cache/layer-0-expert-1.bfloat16.packed.lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_THAT(Run(memory_).notes, IsEmpty());
  EXPECT_FALSE(memory_.files.contains("cache/layer-0-expert-1.bfloat16.packed"));
  EXPECT_TRUE(memory_.files.contains("cache/layer-0-expert-2.bfloat16.packed"));
}

TEST_F(PackCacheTest, MapsFilesOfADisk) {
  const std::string directory =
      JoinPath(testing::TempDir(), absl::StrCat("octet_pack_cache_test.", getpid()));
  const uint64_t all = AllBytes(Load({}, nullptr));
  {
    PackCache cache(posix_, directory, "m", "bfloat16");
    KeepWeights(Load({}, &cache), true, cache, *backend_);
    EXPECT_THAT(cache.TakeNotes(), IsEmpty());
  }
  PackCache cache(posix_, directory, "m", "bfloat16");
  const ModelWeights weights = Load({}, &cache);
  std::filesystem::remove_all(directory);  // what is mapped stays
  EXPECT_EQ(weights.mapped_bytes, all);
  ExpectSameWeights(weights, Load({}, nullptr));
  for (const LayerWeights& layer : weights.layers) {
    for (const auto& expert : layer.experts) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(expert->gate_up.buffer.data()) % 64, 0U);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(expert->down.buffer.data()) % 64, 0U);
    }
  }
}

}  // namespace
}  // namespace octet

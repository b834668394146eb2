#include "runtime/checkpoint/kept_weights.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/checkpoint/weights.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/rank_model.h"
#include "tests/support/same_weights.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const LoadProgress kSilentProgress = [](uint64_t, uint64_t) {};

// Files of the build tree stand for those of a tmpfs.
class KeptWeightsTest : public testing::Test {
 protected:
  KeptWeights Open(int rank = 0, const std::string& source = "model 1") {
    return {counting_, root_, source, rank};
  }

  ExpertPlacement Contiguous(int num_ranks) const {
    const ModelConfig& c = model_.config;
    return ExpertPlacement::Parse("contiguous", {c.num_layers, c.num_experts, num_ranks}).value();
  }

  // What a rank that is alone on its host does at its start.
  ModelWeights Load(const ExpertPlacement& placement, int rank, KeptWeights* kept) {
    const size_t bytes = ReplicatedMemoryBytes(model_.tensors, model_.config, DType::kBF16);
    auto weights = LoadWeights(model_.tensors, model_.config, placement, rank,
                               {.buffer = backend_->Allocate(bytes)}, *backend_, DType::kBF16,
                               kSilentProgress, {.kept = kept});
    EXPECT_TRUE(weights.ok()) << weights.status();
    return *std::move(weights);
  }

  PosixFileSystem posix_;
  CountingFileSystem counting_{posix_};
  const std::string root_ = TestDirectory();
  const ModelFiles model_ =
      OpenModelOrDie(counting_, OCTET_SOURCE_DIR "/tests/golden/hf/sharded_bf16");
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().back(), 2);
};

TEST_F(KeptWeightsTest, ALaterStartMapsWhatWasMade) {
  const ExpertPlacement placement = Contiguous(1);
  {
    KeptWeights kept = Open();
    ASSERT_TRUE(kept.Claim().ok());
    const ModelWeights first = Load(placement, 0, &kept);
    EXPECT_EQ(first.mapped_bytes, 0U);
    kept.Seal();
    EXPECT_GE(kept.bytes(), first.expert_bytes());
  }
  KeptWeights kept = Open();
  ASSERT_TRUE(kept.Claim().ok());
  counting_.Reset();
  const ModelWeights second = Load(placement, 0, &kept);
  EXPECT_EQ(second.mapped_bytes, second.expert_bytes());
  EXPECT_LT(counting_.BytesRead(), second.expert_bytes());
  ExpectSameExperts(second, Load(placement, 0, nullptr));
  EXPECT_THAT(kept.TakeNotes(), IsEmpty());
}

// Rank 0 of 3 has experts that rank 0 of 2 has, too.
TEST_F(KeptWeightsTest, AnotherPlacementReadsWhatIsMissingAndFreesTheRest) {
  KeptWeights kept = Open();
  ASSERT_TRUE(kept.Claim().ok());
  const uint64_t few = Load(Contiguous(3), 0, &kept).expert_bytes();
  kept.Seal();
  const ModelWeights more = Load(Contiguous(2), 0, &kept);
  EXPECT_EQ(more.mapped_bytes, few);
  EXPECT_GT(more.expert_bytes(), few);
  ExpectSameExperts(more, Load(Contiguous(2), 0, nullptr));
  kept.Seal();

  const std::array ranks = {2};  // the last of 3
  kept.KeepOnly(NamesOfParts(Contiguous(3), ranks));
  EXPECT_LT(kept.bytes(), more.expert_bytes());
  ExpectSameExperts(more, Load(Contiguous(2), 0, nullptr));  // what is mapped stays
}

TEST_F(KeptWeightsTest, WhatIsNotWholeIsReadAgain) {
  const PackedPart part = {.name = "layer 1 expert 2", .section_bytes = {5000, 7}};
  {
    KeptWeights kept = Open(3);
    ASSERT_TRUE(kept.Claim().ok());
    EXPECT_EQ(kept.Make(part).size(), 2U);
    EXPECT_THAT(kept.PathOfMade(part), HasSubstr("layer-1-expert-2.3.new"));
    EXPECT_EQ(kept.Find(part), "");
    EXPECT_TRUE(kept.Map(part).empty());
  }
  KeptWeights kept = Open(1);
  ASSERT_TRUE(kept.Claim().ok());
  EXPECT_EQ(kept.bytes(), 0U);
  EXPECT_TRUE(kept.Map(part).empty());
  kept.Make(part)[0].data()[4999] = std::byte{9};
  kept.Seal();
  EXPECT_EQ(kept.Map(part)[0].data()[4999], std::byte{9});
  EXPECT_EQ(kept.Map(part)[1].bytes(), 7U);
  std::filesystem::resize_file(kept.Find(part), 5000);
  EXPECT_TRUE(kept.Map(part).empty());
}

TEST_F(KeptWeightsTest, AJobHasThemAlone) {
  KeptWeights first = Open();
  ASSERT_TRUE(first.Claim().ok());
  KeptWeights second = Open();
  EXPECT_THAT(std::string(second.Claim().message()),
              HasSubstr(first.directory() + ": another job uses it"));
  KeptWeights other = Open(0, "model 2");
  EXPECT_TRUE(other.Claim().ok());
  EXPECT_NE(other.directory(), first.directory());
}

TEST_F(KeptWeightsTest, ADirectoryOfOthersIsRefused) {
  const std::string directory = absl::StrCat(root_, "/octet-", geteuid());
  std::filesystem::create_directory(directory);
  chmod(directory.c_str(), 0755);
  EXPECT_THAT(std::string(Open().Claim().message()),
              HasSubstr("is no directory of this user alone (mode 0700)"));
  std::filesystem::remove(directory);
  std::filesystem::create_symlink("/tmp", directory);
  EXPECT_EQ(Open().Claim().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(KeptWeightsTest, NothingIsLeftAtTheEnd) {
  const PackedPart part = {.name = "replicated", .section_bytes = {5000}};
  KeptWeights kept = Open();
  ASSERT_TRUE(kept.Claim().ok());
  ASSERT_FALSE(kept.Make(part).empty());
  kept.Seal();
  kept.Forget("replicated");
  EXPECT_EQ(kept.Find(part), "");
  kept.Forget("layer 0 expert 0");  // which was never there
  ASSERT_FALSE(kept.Make(part).empty());
  kept.Seal();
  kept.Remove();
  EXPECT_TRUE(std::filesystem::is_empty(root_));
  EXPECT_THAT(kept.TakeNotes(), IsEmpty());
}

TEST_F(KeptWeightsTest, WhatHasNoRoomIsCounted) {
  KeptWeights kept = Open();
  ASSERT_TRUE(kept.Claim().ok());
  const auto huge = size_t{1} << 62;
  for (const char* name : {"layer 0 expert 0", "layer 0 expert 1"}) {
    EXPECT_TRUE(kept.Make({.name = name, .section_bytes = {huge}}).empty());
  }
  EXPECT_THAT(kept.TakeNotes(), ElementsAre(HasSubstr("2 parts of the weights will not stay")));
  EXPECT_EQ(kept.bytes(), 0U);
}

}  // namespace
}  // namespace octet

#include "runtime/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/checkpoint/checkpoint_index.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/safetensors_writer.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kIndex[] = "m/model.safetensors.index.json";
constexpr char kFirst[] = "m/model-00001-of-00002.safetensors";
constexpr char kSecond[] = "m/model-00002-of-00002.safetensors";

SafetensorsWriter Tensors(const std::vector<std::string>& names) {
  SafetensorsWriter writer;
  for (const std::string& name : names)
    writer.Add(name, DType::kF32, {2}, std::vector<float>{1, 2});
  return writer;
}

MemoryFileSystem Sharded() {
  MemoryFileSystem memory;
  for (const auto& [name, bytes] : Tensors({"a", "b", "c", "d"}).Shards(2))
    memory.files["m/" + name] = bytes;
  return memory;
}

std::string OpenError(MemoryFileSystem memory) {
  const auto checkpoint = Checkpoint::Open(memory, "m");
  return checkpoint.ok() ? "" : std::string(checkpoint.status().message());
}

TEST(CheckpointTest, OneFile) {
  MemoryFileSystem memory;
  memory.files["m/model.safetensors"] = Tensors({"b", "a"}).Bytes();
  const auto checkpoint = Checkpoint::Open(memory, "m");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->Names(), ElementsAre("a", "b"));
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  EXPECT_EQ(checkpoint->Find("c"), std::nullopt);
}

TEST(CheckpointTest, ShardsWithAnIndex) {
  MemoryFileSystem memory = Sharded();
  CountingFileSystem counting(memory);
  auto opened = Checkpoint::Open(counting, "m/");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Checkpoint checkpoint = *std::move(opened);
  EXPECT_THAT(checkpoint.Names(), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(checkpoint.warnings(), IsEmpty());
  EXPECT_EQ(checkpoint.files().size(), 2U);
  EXPECT_EQ(checkpoint.Find("b")->file->path(), kFirst);
  EXPECT_EQ(checkpoint.Find("c")->file->path(), kSecond);
  EXPECT_EQ(checkpoint.Find("c")->tensor->name, "c");
}

TEST(CheckpointTest, TheSingleFileComesFirst) {
  MemoryFileSystem memory = Sharded();
  memory.files["m/model.safetensors"] = Tensors({"x"}).Bytes();
  const auto checkpoint = Checkpoint::Open(memory, "m");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->Names(), ElementsAre("x"));
  EXPECT_THAT(checkpoint->warnings(), ElementsAre(HasSubstr("index.json: not used")));
}

TEST(CheckpointTest, SaysWhatItLookedFor) {
  EXPECT_THAT(OpenError({}), HasSubstr("m: no such directory; a Hugging Face model directory"));
  MemoryFileSystem memory;
  memory.files["m/config.json"] = "{}";
  EXPECT_THAT(OpenError(memory),
              HasSubstr("m: has neither model.safetensors nor model.safetensors.index.json"));
}

TEST(CheckpointTest, RefusesABadIndex) {
  const std::pair<std::string, std::string> cases[] = {
      {"{", "index.json: is not valid UTF-8 JSON"},
      {"[]", "has no object weight_map"},
      {"{}", "has no object weight_map"},
      {R"({"weight_map": []})", "has no object weight_map"},
      {R"({"weight_map": {"a": 1}})", "weight_map 'a' is not a string"},
      {R"({"weight_map": {"a": "x", "a": "x"}})", "states the key 'a' twice"},
      {R"({"weight_map": {"a": ""}})", "not the plain name of a file"},
      {R"({"weight_map": {"a": ".."}})", "not the plain name of a file"},
      {R"({"weight_map": {"a": "x\ny"}})", "not the plain name of a file"},
      {R"({"weight_map": {"a": ")" + std::string(1000, 'x') + R"("}})",
       "xx', which is not the plain"},
      {R"({"weight_map": {"a": "../x.safetensors"}})",
       "names '../x.safetensors', which is not the plain name"},
      {R"({"weight_map": {"a": "/x.safetensors"}})", "not the plain name of a file"},
      {R"({"weight_map": {"a": "absent.safetensors"}})", "m/absent.safetensors: no such file, but"},
      {R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "3.safetensors"}})",
       "m/1.safetensors: no such file, but m/model.safetensors.index.json names it, and 2 more are "
       "missing, such as 2.safetensors; download the missing shards"},
      {R"({"weight_map": {"z": "model-00001-of-00002.safetensors"}})",
       "m/model.safetensors.index.json: lists tensor 'z', which no shard has"},
  };
  for (const auto& [index, error] : cases) {
    MemoryFileSystem memory = Sharded();
    memory.files[kIndex] = index;
    EXPECT_THAT(OpenError(memory), HasSubstr(error)) << index;
  }
}

// As transformers and vLLM, which read all that the shards have.
TEST(CheckpointTest, AnIndexThatIsNotQuiteRightIsAWarning) {
  const struct {
    const char* index;
    std::vector<std::string> names;
    std::vector<std::string> warnings;
  } cases[] = {
      {R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})",
       {"a", "b"},
       {"index.json: does not list what its shards have and what is read all the same: tensor 'b'",
        "m/model-00002-of-00002.safetensors: not read, because model.safetensors.index.json does "
        "not name it"}},
      {R"({"weight_map": {"a": "model-00001-of-00002.safetensors",
                          "b": "model-00002-of-00002.safetensors",
                          "c": "model-00002-of-00002.safetensors",
                          "d": "model-00002-of-00002.safetensors"}})",
       {"a", "b", "c", "d"},
       {"puts into another shard than it lies in, and is read from there: tensor 'b'"}},
      {R"({"weight_map": {"a": "model-00001-of-00002.safetensors",
                          "b": "model-00001-of-00002.safetensors",
                          "c": "model-00002-of-00002.safetensors",
                          "d": "model-00002-of-00002.safetensors",
                          "l.0.rotary_emb.inv_freq": "model-00002-of-00002.safetensors"}})",
       {"a", "b", "c", "d"},
       {"lists what no shard has, without harm: tensor 'l.0.rotary_emb.inv_freq'"}},
  };
  for (const auto& c : cases) {
    MemoryFileSystem memory = Sharded();
    memory.files[kIndex] = c.index;
    const auto checkpoint = Checkpoint::Open(memory, "m");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->Names(), c.names);
    ASSERT_EQ(checkpoint->warnings().size(), c.warnings.size());
    for (size_t i = 0; i < c.warnings.size(); ++i) {
      EXPECT_THAT(checkpoint->warnings()[i], HasSubstr(c.warnings[i]));
    }
  }
}

// Listed or not: the tensor is computed.
TEST(CheckpointTest, AnUnlistedFrequencyIsNoWarning) {
  MemoryFileSystem memory = Sharded();
  memory.files[kSecond] =
      Tensors({"c", "d", "model.layers.0.self_attn.rotary_emb.inv_freq"}).Bytes();
  std::string& index = memory.files[kIndex];
  index.replace(0, index.find("\"weight_map\""), "{");
  const auto checkpoint = Checkpoint::Open(memory, "m");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->Names().size(), 5U);
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
}

TEST(CheckpointTest, WithoutAnIndexAllSafetensorsAreRead) {
  MemoryFileSystem memory = Sharded();
  memory.files.erase(kIndex);
  memory.files["m/adapter_model.safetensors"] = "not read";
  memory.files["m/consolidated.safetensors"] = "not read";
  const auto checkpoint = Checkpoint::Open(memory, "m");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->Names(), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(
      checkpoint->warnings(),
      ElementsAre(HasSubstr("m: has neither model.safetensors nor "
                            "model.safetensors.index.json, so all its safetensors are read: "
                            "model-00001-of-00002.safetensors and 1 more"),
                  HasSubstr("m/consolidated.safetensors: not read")));
  memory.files.erase(kFirst);
  EXPECT_THAT(OpenError(memory), HasSubstr(std::string(kFirst) + ": missing, by the names of the"));
  MemoryFileSystem named;
  named.files["m/any.safetensors"] = Tensors({"x"}).Bytes();
  EXPECT_THAT(Checkpoint::Open(named, "m")->Names(), ElementsAre("x"));
}

TEST(CheckpointTest, ManyMissingShardsAreNotListed) {
  EXPECT_EQ(MissingShards({"model-00007-of-99999.safetensors"}).size(), 1000U);
  EXPECT_THAT(MissingShards({"model-00002-of-00002.safetensors", "x-00001-of-00001.safetensors"}),
              ElementsAre("model-00001-of-00002.safetensors"));
  EXPECT_THAT(MissingShards({"model-0001-of-00002.safetensors", "a", "-of-.safetensors",
                             "model--0001-of-00002.safetensors"}),
              IsEmpty());
}

TEST(CheckpointTest, ATensorInTwoShards) {
  MemoryFileSystem equal = Sharded();
  equal.files[kSecond] = Tensors({"b", "c", "d"}).Bytes();
  const auto checkpoint = Checkpoint::Open(equal, "m");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(),
              ElementsAre(std::string(kSecond) + ": tensor 'b' is also in " + kFirst +
                          ", with the same values"));
  SafetensorsWriter other = Tensors({"c", "d"});
  other.Add("b", DType::kF32, {2}, std::vector<float>{1, 3});
  MemoryFileSystem different = Sharded();
  different.files[kSecond] = other.Bytes();
  EXPECT_THAT(OpenError(different), HasSubstr(std::string(kSecond) + ": tensor 'b' is also in " +
                                              kFirst + ", with other values"));
}

TEST(CheckpointTest, RefusesBadShards) {
  MemoryFileSystem cut = Sharded();
  cut.files[kSecond].pop_back();
  EXPECT_THAT(OpenError(cut),
              HasSubstr(std::string(kSecond) + ": tensor 'd': ends at data byte 16, but"));
}

TEST(CheckpointTest, AWrongTotalSizeIsAWarning) {
  const std::pair<std::string, bool> cases[] = {{"{}", false},
                                                {R"({"total_size": 32})", false},
                                                {R"({"total_size": 32.0})", false},
                                                {R"({"total_size": 33})", true},
                                                {R"({"total_size": "32"})", true},
                                                {R"({"total_size": -1e300})", true}};
  for (const auto& [metadata, warned] : cases) {
    MemoryFileSystem memory = Sharded();
    std::string& index = memory.files[kIndex];
    index.replace(0, index.find("\"weight_map\""), "{\"metadata\": " + metadata + ", ");
    const auto checkpoint = Checkpoint::Open(memory, "m");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const testing::Matcher<std::string> warning = HasSubstr("but the tensors take 32 bytes");
    EXPECT_THAT(checkpoint->warnings(),
                testing::Conditional(warned, ElementsAre(warning), IsEmpty()))
        << metadata;
  }
}

TEST(CheckpointTest, FingerprintIsOfWhatTheFilesHold) {
  MemoryFileSystem first = Sharded();
  MemoryFileSystem moved;
  for (const auto& [path, bytes] : first.files) moved.files["elsewhere/" + path.substr(2)] = bytes;
  MemoryFileSystem other;
  for (const auto& [name, bytes] : Tensors({"a", "b", "c", "e"}).Shards(2))
    other.files["m/" + name] = bytes;
  const uint64_t fingerprint = Checkpoint::Open(first, "m")->fingerprint();
  EXPECT_EQ(Checkpoint::Open(moved, "elsewhere")->fingerprint(), fingerprint);
  EXPECT_NE(Checkpoint::Open(other, "m")->fingerprint(), fingerprint);
}

TEST(CheckpointTest, ReadsWhatHuggingFaceWrote) {
  PosixFileSystem posix;
  for (const char* name : {"basic", "sharded_bf16", "fused_v5", "window_tied"}) {
    const auto checkpoint =
        Checkpoint::Open(posix, JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  }
}

}  // namespace
}  // namespace octet

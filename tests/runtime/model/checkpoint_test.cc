#include "runtime/model/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  for (const char* pickle :
       {"pytorch_model.bin", "consolidated.00.pth", "pytorch_model.bin.index.json"}) {
    MemoryFileSystem pickled = memory;
    pickled.files[std::string("m/") + pickle] = "";
    EXPECT_THAT(OpenError(pickled),
                HasSubstr(std::string("only pickled weights such as ") + pickle));
  }
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
      {R"({"weight_map": {"a": "../x.safetensors"}})",
       "names '../x.safetensors', which is not the plain name"},
      {R"({"weight_map": {"a": "/x.safetensors"}})", "not the plain name of a file"},
      {R"({"weight_map": {"a": "absent.safetensors"}})", "m/absent.safetensors: no such file, but"},
      {R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})",
       "m/model-00001-of-00002.safetensors: tensor 'b' is not in m/model.safetensors.index.json"},
      {R"({"weight_map": {"z": "model-00001-of-00002.safetensors"}})",
       "puts tensor 'z' into model-00001-of-00002.safetensors, which has it not"},
      {R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})",
       "puts tensor 'b' into model-00002-of-00002.safetensors, which has it not"},
  };
  for (const auto& [index, error] : cases) {
    MemoryFileSystem memory = Sharded();
    memory.files[kIndex] = index;
    EXPECT_THAT(OpenError(memory), HasSubstr(error)) << index;
  }
}

TEST(CheckpointTest, RefusesBadShards) {
  MemoryFileSystem twice = Sharded();
  twice.files[kSecond] = Tensors({"b", "c", "d"}).Bytes();
  EXPECT_THAT(OpenError(twice),
              HasSubstr(std::string(kSecond) + ": tensor 'b' is also in " + kFirst));
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

// octet inspect: any safetensors and any GGUF is listed, a broken one refused.

#include "launch/inspect/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/checkpoint/model_files.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/demo_model.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/octet_process.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kSharded[] = OCTET_SOURCE_DIR "/tests/golden/hf/sharded_bf16";

class InspectTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();

  // Another kind of model.
  SafetensorsWriter Foreign() const {
    SafetensorsWriter writer;
    writer.Add("weight", DType::kF32, {2, 3}, std::vector<float>(6));
    writer.Add("bias", DType::kBF16, {3}, std::vector<float>(3));
    writer.AddRaw("codes\n", "U8", {4}, "abcd");
    writer.Add("scalar", DType::kF32, {}, std::vector<float>(1));
    return writer;
  }
};

TEST_F(InspectTest, ListsAnySafetensorsByName) {
  Foreign().Write(directory_ + "/any.safetensors");
  const ProcessResult result = RunOctet(0, "inspect " + directory_ + "/any.safetensors");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output,
            "tensor   dtype  shape   bytes  file\n"
            "bias     BF16   [3]     6      any.safetensors\n"
            "codes\\n  U8     [4]     4      any.safetensors\n"
            "scalar   F32    []      4      any.safetensors\n"
            "weight   F32    [2, 3]  24     any.safetensors\n"
            "\n"
            "4 tensors in 1 file, 38 bytes\n"
            "  BF16: 6 bytes\n"
            "  F32: 28 bytes\n"
            "  U8: 4 bytes\n");
}

TEST_F(InspectTest, ListsAnyGguf) {
  GgufWriter writer;
  writer.AddString("general.architecture", "any\n");
  writer.AddArray("any.numbers", 0, 10, "1234567890");
  writer.AddTensor("weight", {64, 3}, 2, std::string(108, 'x'));
  writer.AddTensor("bias\n", {3}, 0, std::string(12, 'x'));
  const std::string path = directory_ + "/any.gguf";
  WriteFile(path, writer.Bytes());
  const ProcessResult result = RunOctet(0, "inspect " + path);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output,
            "GGUF version 3, tensors aligned to 32 bytes\n"
            "\n"
            "metadata              type            value\n"
            "general.architecture  string          'any\\n'\n"
            "any.numbers           array of uint8  [49, 50, 51, 52, 53, 54, 55, 56, …] with 10 "
            "elements\n"
            "\n"
            "tensor  dtype  shape    bytes  file\n"
            "bias\\n  F32    [3]      12     any.gguf\n"
            "weight  Q4_0   [3, 64]  108    any.gguf\n"
            "\n"
            "2 tensors in 1 file, 120 bytes\n"
            "  F32: 12 bytes\n"
            "  Q4_0: 108 bytes\n"
            "\n"
            "not a Mixtral model that Octet runs: " +
                path +
                ": general.architecture is 'any\\n'; Octet runs 'llama' models with experts, and "
                "'mixtral'\n");
  EXPECT_EQ(RunOctet(0, "inspect " + directory_).output, result.output);
  std::filesystem::rename(path, directory_ + "/no_ending");
  EXPECT_THAT(RunOctet(0, "inspect " + directory_ + "/no_ending").output,
              HasSubstr("2 tensors in 1 file, 120 bytes"));
}

TEST_F(InspectTest, ReadsNoMoreOfGgufThanAnOpenModelNeeds) {
  const std::string path = directory_ + "/m.gguf";
  WriteFile(path, TinyGguf().Bytes());
  PosixFileSystem posix;
  CountingFileSystem files(posix);
  ASSERT_TRUE(ModelFiles::Open(files, path).ok());
  const uint64_t needed = files.BytesRead(path);
  files.Reset();
  EXPECT_THAT(*Inspect(files, {.path = path}), HasSubstr("Mixtral: 1 layers"));
  EXPECT_EQ(files.BytesRead(path), needed);
}

TEST_F(InspectTest, ListsAllPartsOfASplitGguf) {
  for (const uint16_t part : {0, 1}) {
    GgufWriter writer;
    writer.AddSplit(part, 2, 2);
    writer.AddTensor(part == 0 ? "a" : "b", {4}, 24, "1234");
    WriteFile(directory_ + (part == 0 ? "/m-00001-of-00002.gguf" : "/m-00002-of-00002.gguf"),
              writer.Bytes());
  }
  const std::string output = RunOctet(0, "inspect " + directory_).output;
  EXPECT_THAT(output, AllOf(HasSubstr("b       I8     [4]    4      m-00002-of-00002.gguf"),
                            HasSubstr("2 tensors in 2 files, 8 bytes")));
  EXPECT_EQ(RunOctet(0, "inspect " + directory_ + "/m-00002-of-00002.gguf").output, output);
  WriteFile(directory_ + "/other.gguf", GgufWriter().Bytes());
  const ProcessResult two = RunOctet(0, "inspect " + directory_);
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_THAT(two.output, HasSubstr("has 2 GGUF models; give the file of one of them: "
                                    "m-00001-of-00002.gguf, other.gguf"));
}

TEST_F(InspectTest, ADirectoryOfAnotherModelSaysWhy) {
  Foreign().Write(directory_ + "/model.safetensors");
  const ProcessResult bare = RunOctet(0, "inspect " + directory_);
  EXPECT_EQ(bare.exit_code, 0);
  EXPECT_THAT(bare.output, AllOf(HasSubstr("not a Mixtral model"), HasSubstr("config.json"),
                                 HasSubstr("weight   F32")));
  WriteFile(directory_ + "/config.json", R"({"model_type": "llama"})");
  EXPECT_THAT(RunOctet(0, "inspect " + directory_).output, HasSubstr("'llama'"));
}

TEST_F(InspectTest, MixtralOnRanks) {
  const ProcessResult result =
      RunOctet(2, std::string("inspect ") + kDemoModel + " --ranks 3 --dtype float32");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, StartsWith("tensor "));  // of one rank only
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("Mixtral: 3 layers, hidden size 256, 8 experts of 512"),
                    HasSubstr("memory as float32 on 3 ranks, placement contiguous"),
                    HasSubstr("rank 0: 0.01 GiB of experts, 9 in all layers"),
                    HasSubstr("rank 2: 0.01 GiB of experts, 6 in all layers")));
  EXPECT_EQ(result.output.find("tensor "), result.output.rfind("tensor  "));
}

// 24 pairs of layers and experts.
TEST_F(InspectTest, MoreRanksThanExperts) {
  const std::string inspect = std::string("inspect ") + kDemoModel + " --ranks ";
  const std::string twelve = RunOctet(0, inspect + "12").output;
  for (int r = 0; r < 12; ++r) {
    EXPECT_THAT(twelve, HasSubstr("rank " + std::to_string(r) + ": 0.00 GiB of experts, 2 in all"));
  }
  EXPECT_THAT(twelve, Not(HasSubstr("own no expert")));
  EXPECT_THAT(RunOctet(0, inspect + "26 --placement round-robin").output,
              HasSubstr("note: ranks 24, 25 own no expert of any layer"));
  EXPECT_THAT(RunOctet(0, inspect + "40 --placement round-robin").output,
              HasSubstr("note: ranks 24, 25, 26, 27, 28, 29, 30, 31 and 8 more own no expert"));
}

TEST_F(InspectTest, AnIndexAndItsDirectoryListTheSame) {
  const ProcessResult index =
      RunOctet(0, std::string("inspect ") + kSharded + "/model.safetensors.index.json");
  EXPECT_EQ(index.exit_code, 0);
  EXPECT_THAT(RunOctet(0, std::string("inspect ") + kSharded).output, StartsWith(index.output));
  EXPECT_THAT(index.output, Not(HasSubstr("Mixtral")));
}

TEST_F(InspectTest, ReadsNoWeights) {
  PosixFileSystem posix;
  CountingFileSystem counting(posix);
  ASSERT_TRUE(Inspect(counting, {.path = kDemoModel}).ok());
  const std::string path = JoinPath(kDemoModel, "model.safetensors");
  EXPECT_LT(counting.BytesRead(path), 40'000U);  // the header, for the list and for the model
  EXPECT_GT(counting.BytesRead(path), 0U);
}

TEST_F(InspectTest, SaysOfEachPathWhatItIs) {
  const auto output_of = [](const std::string& path, int exit_code) {
    const ProcessResult result = RunOctet(0, "inspect " + path);
    EXPECT_EQ(result.exit_code, exit_code) << path;
    return result.output;
  };
  EXPECT_THAT(output_of("mistralai/Mixtral-8x7B-v0.1", 2), HasSubstr("hf download mistralai/"));
  WriteFile(directory_ + "/m.gguf", "GGUF");
  EXPECT_THAT(output_of(directory_ + "/m.gguf", 2), HasSubstr("m.gguf: header: its version of 4"));
  std::filesystem::remove(directory_ + "/m.gguf");
  Foreign().Write(directory_ + "/no_ending");
  EXPECT_THAT(output_of(directory_ + "/no_ending", 0), HasSubstr("4 tensors in 1 file"));
  WriteFile(directory_ + "/config.json", "version https://git-lfs.github.com/spec/v1\nsize 4\n");
  EXPECT_THAT(output_of(directory_, 2), HasSubstr("config.json: is a Git LFS pointer"));
  EXPECT_THAT(output_of(directory_ + "/config.json", 2), HasSubstr("is a Git LFS pointer"));
  std::filesystem::create_directories(directory_ + "/snapshots/abc");
  std::filesystem::remove(directory_ + "/config.json");
  WriteFile(directory_ + "/snapshots/abc/config.json", "{}");
  EXPECT_THAT(output_of(directory_, 2), HasSubstr("/snapshots/abc has a config.json; give that"));
}

// The end tokens are those of all files, and every note is there once.
TEST_F(InspectTest, NotesOfTheWholeModel) {
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.model"}) {
    std::filesystem::copy(JoinPath(kDemoModel, name), JoinPath(directory_, name));
  }
  WriteFile(directory_ + "/generation_config.json", R"({"eos_token_id": [7, 2]})");
  WriteFile(directory_ + "/consolidated.safetensors", "");
  const std::string output = RunOctet(0, "inspect " + directory_).output;
  EXPECT_THAT(output, HasSubstr("end of sequence 2, 7,"));
  EXPECT_THAT(output, HasSubstr("generation_config.json 2, 7, the tokenizer 2"));
  const std::string note = "consolidated.safetensors: not read";
  EXPECT_THAT(output, HasSubstr(note));
  EXPECT_EQ(output.find(note), output.rfind(note));
}

TEST_F(InspectTest, RefusesWhatIsBroken) {
  const auto expect_refused = [](const std::string& arguments, const std::string& message) {
    const ProcessResult result = RunOctet(0, "inspect " + arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_THAT(result.output, HasSubstr(message)) << arguments;
    EXPECT_THAT(result.output, Not(HasSubstr("tensors in"))) << arguments;
  };
  const std::string broken = directory_ + "/broken.safetensors";
  WriteFile(broken, Foreign().Bytes() + "x");
  expect_refused(broken, "broken.safetensors");
  WriteFile(broken, "abc");
  expect_refused(broken, "too short");
  expect_refused("/nowhere.safetensors", "/nowhere.safetensors: no such file");
  expect_refused(directory_, "broken.safetensors: is 3 bytes long");  // there is nothing else
  std::filesystem::remove(broken);
  expect_refused(directory_, "is an empty directory");
  expect_refused(std::string(kDemoModel) + " --placement diagonal", "--placement 'diagonal'");
  expect_refused(std::string(kDemoModel) + " --dtype int8", "--dtype 'int8'");
  expect_refused("", "path is required");
  WriteFile(directory_ + "/model.safetensors.index.json",
            R"({"weight_map": {"a": "missing.safetensors"}})");
  expect_refused(directory_, "missing.safetensors: no such file");
}

}  // namespace
}  // namespace octet

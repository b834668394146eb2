#include "runtime/checkpoint/model_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/checkpoint/model_files.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kLfsPointer[] =
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 493443\n";
constexpr char kConfig[] = R"({"model_type": "mixtral"})";

class ModelPathTest : public testing::Test {
 protected:
  // The error for a model at `path`, which begins with `named` and is one sentence.
  std::string Error(const std::string& path, const std::string& named) {
    const auto model = ModelFiles::Open(files_, path);
    EXPECT_FALSE(model.ok()) << path;
    const std::string message(model.status().message());
    EXPECT_THAT(message, testing::StartsWith(named));
    EXPECT_THAT(message, Not(HasSubstr(". ")));
    EXPECT_LT(message.size(), named.size() + 400);
    return message;
  }
  std::string Error(const std::string& path) { return Error(path, path); }

  // The same for a directory that holds these files.
  std::string ErrorOf(const std::map<std::string, std::string>& held) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    for (const auto& [name, bytes] : held) {
      std::filesystem::create_directories(
          std::filesystem::path(JoinPath(directory_, name)).parent_path());
      WriteFile(JoinPath(directory_, name), bytes);
    }
    return Error(directory_);
  }

  PosixFileSystem files_;
  const std::string directory_ = TestDirectory();
};

TEST_F(ModelPathTest, ANameOnTheHub) {
  for (const char* path :
       {"mistralai/Mixtral-8x7B-Instruct-v0.1",
        "https://huggingface.co/mistralai/Mixtral-8x7B-v0.1", "hf://some-one/model_1.0/"}) {
    EXPECT_THAT(Error(path), AllOf(HasSubstr("no such directory; Octet downloads nothing"),
                                   HasSubstr("hf download "), HasSubstr("--local-dir")));
  }
  EXPECT_THAT(Error("https://huggingface.co/a/b"), HasSubstr("hf download a/b --local-dir"));
  for (const char* path : {"model", "/models/mixtral", "./a/b", "a/b/c", "../m", "a b/c", "a/"}) {
    EXPECT_THAT(Error(path), HasSubstr("no such directory; a Hugging Face model directory"));
  }
}

TEST_F(ModelPathTest, AFileIsNamedForWhatItIs) {
  const std::pair<std::string, std::string> cases[] = {
      {"m.gguf", "does not begin with 'GGUF': not a GGUF file"},
      {"model.safetensors", "is one file of a model; give the directory"},
      {"config.json", "is one file of a model; give the directory"},
      {"pytorch_model.bin", "is pickled weights, which can run any code"},
      {"consolidated.00.pth", "is pickled weights"},
      {"model.onnx", "is ONNX"},
      {"flax_model.msgpack", "is weights of Flax"},
      {"tf_model.h5", "is weights of TensorFlow"},
      {"model.tar.gz", "is an archive; unpack it"},
      {"MODEL.ZIP", "is an archive; unpack it"},
      {"notes.txt", "is a file, not a directory"},
  };
  for (const auto& [name, text] : cases) {
    const std::string path = JoinPath(directory_, name);
    WriteFile(path, "bytes");
    EXPECT_THAT(Error(path), HasSubstr(text));
  }
  WriteFile(JoinPath(directory_, "no_ending"), "GGUF\3");
  EXPECT_THAT(Error(JoinPath(directory_, "no_ending")),
              HasSubstr("header: its version of 4 bytes"));
  WriteFile(JoinPath(directory_, "pointer.gguf"), kLfsPointer);
  EXPECT_THAT(Error(JoinPath(directory_, "pointer.gguf")), HasSubstr("is a Git LFS pointer"));
  EXPECT_THAT(Error("/dev/null"), HasSubstr("is neither a directory nor a file"));
}

TEST_F(ModelPathTest, GitLfsPointersOfEveryFile) {
  for (const char* name : {"config.json", "tokenizer.model", "tokenizer.json", "model.safetensors",
                           "model-00002-of-00019.safetensors", "model.safetensors.index.json"}) {
    std::map<std::string, std::string> held = {{"config.json", kConfig},
                                               {"model.safetensors", "x"}};
    held[name] = kLfsPointer;
    EXPECT_THAT(ErrorOf(held), HasSubstr(std::string(name) + ": is a Git LFS pointer"));
  }
}

TEST_F(ModelPathTest, ADirectoryThatIsNoModel) {
  const std::pair<std::map<std::string, std::string>, std::string> cases[] = {
      {{}, "is an empty directory"},
      {{{"README.md", ""}}, "config.json: no such file; a Hugging Face model directory has it"},
      {{{"adapter_config.json", ""}, {"adapter_model.safetensors", ""}}, "holds a peft adapter"},
      {{{"config.json", kConfig}, {"adapter_model.safetensors", ""}}, "holds a peft adapter"},
      {{{"m.Q4_K_M.gguf", ""}}, "m.Q4_K_M.gguf: does not begin with 'GGUF'"},
      {{{"m.gguf", ""}, {"model.safetensors.index.json", ""}},
       "has no config.json, only m.gguf: GGUF, which is a whole model by itself; give that file"},
      {{{"config.json", kConfig}, {"pytorch_model.bin", ""}}, "only pytorch_model.bin: pickled"},
      {{{"config.json", kConfig}, {"pytorch_model.bin.index.json", "{}"}},
       "only pytorch_model.bin.index.json: pickled"},
      {{{"params.json", "{}"}, {"consolidated.00.pth", ""}}, "params.json: "},
      {{{"consolidated.00.pth", ""}}, "only consolidated.00.pth: pickled weights"},
      {{{"config.json", kConfig}, {"model.onnx", ""}}, "only model.onnx: ONNX"},
      {{{"config.json", kConfig}, {"tf_model.h5", ""}}, "only tf_model.h5: weights of TensorFlow"},
      {{{"config.json", kConfig}, {"flax_model.msgpack", ""}}, "only flax_model.msgpack: weights"},
      {{{"config.json", kConfig}}, "has neither model.safetensors nor"},
      {{{"config.json", R"({"architectures": ["QwenForCausalLM"]})"}, {"model.safetensors", ""}},
       "architectures is 'QwenForCausalLM'; Octet runs 'MixtralForCausalLM' only"},
  };
  for (const auto& [held, text] : cases) EXPECT_THAT(ErrorOf(held), HasSubstr(text));
}

TEST_F(ModelPathTest, ADirectoryTooHighNamesTheOneBelow) {
  EXPECT_THAT(ErrorOf({{"snapshots/abc/config.json", kConfig}, {"refs/main", "abc"}}),
              HasSubstr("config.json: no such file, but " + directory_ +
                        "/snapshots/abc has one; give that directory"));
  EXPECT_THAT(ErrorOf({{"models--a--b/snapshots/abc/config.json", kConfig}}),
              HasSubstr("/models--a--b/snapshots/abc has one"));
  EXPECT_THAT(ErrorOf({{"a/b/c/d/config.json", kConfig}}), HasSubstr("no such file; a Hugging"));
}

}  // namespace
}  // namespace octet

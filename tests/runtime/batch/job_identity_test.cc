#include "runtime/batch/job_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_file_system.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr bool kCompareContents = true;

class JobIdentityTest : public testing::Test {
 protected:
  JobIdentityTest() {
    files_.files = {{"in.jsonl", std::string(100'000, 'a')},
                    {"model/config.json", "{}"},
                    {"model/model-00001.safetensors", std::string(200'000, 'w')},
                    {"model/tokenizer.model", "pieces"},
                    {"model/README.md", "about it"}};
  }

  JobIdentity Identify(bool read_contents = false) {
    JobIdentity job;
    *job.add_input() = IdentifyFile(files_, "in.jsonl", read_contents, [] {}).value();
    EXPECT_TRUE(IdentifyModel(
                    files_, "model", read_contents, [] {}, job)
                    .ok());
    job.set_numerics_class("bfloat16/bfloat16/avx2");
    return job;
  }

  void ExpectDiffers(const JobIdentity& earlier, const std::string& what,
                     bool compare_contents = false) {
    const absl::Status status =
        CompareJobs(earlier, Identify(compare_contents), compare_contents, notes_);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  }

  MemoryFileSystem files_;
  std::vector<std::string> notes_;
};

TEST_F(JobIdentityTest, TheSameFilesAreTheSame) {
  const JobIdentity job = Identify();
  files_.files["model/README.md"] = "another text";
  EXPECT_EQ(CompareJobs(job, Identify(), false, notes_), absl::OkStatus());
  EXPECT_EQ(job.model_file_size(), 3);
}

TEST_F(JobIdentityTest, FilesOfTokensAndTemplatesCount) {
  for (const std::string name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "chat_template.json", "additional_chat_templates/rag.jinja"}) {
    const JobIdentity without = Identify();
    files_.files["model/" + name] = "one";
    ExpectDiffers(without, "the number of files");
    const JobIdentity with_one = Identify();
    files_.files["model/" + name] = "two";
    ExpectDiffers(with_one, "--model " + name);
  }
}

TEST_F(JobIdentityTest, FilesOfGgufCount) {
  const std::vector<std::string> parts = TinyGguf().Parts(2);
  files_.files = {{"g/m-00001-of-00002.gguf", parts[0]},
                  {"g/m-00002-of-00002.gguf", parts[1]},
                  {"g/tokenizer.model", "of another model"}};
  for (const char* path : {"g", "g/m-00001-of-00002.gguf", "g/m-00002-of-00002.gguf"}) {
    JobIdentity job;
    const absl::Status status = IdentifyModel(
        files_, path, kCompareContents, [] {}, job);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(job.model_file_size(), 2);
    EXPECT_EQ(job.model_file(0).name(), "m-00001-of-00002.gguf");
    EXPECT_EQ(job.model_file(1).name(), "m-00002-of-00002.gguf");
    EXPECT_NE(job.model_file(1).content_hash(), 0U);
  }
}

TEST_F(JobIdentityTest, AModelThatCannotBeReadIsAnError) {
  FaultyFileSystem faulty(files_);
  const auto identify = [&faulty] {
    JobIdentity job;
    return IdentifyModel(
        faulty, "model", kCompareContents, [] {}, job);
  };
  ASSERT_TRUE(identify().ok());
  for (int64_t calls = faulty.calls(), i = 0; i < calls; ++i) {
    faulty.fail_at = faulty.calls() + i;
    EXPECT_THAT(std::string(identify().message()), HasSubstr(": disk on fire")) << i;
  }
}

TEST_F(JobIdentityTest, NamesTheFileThatDiffers) {
  const JobIdentity job = Identify();
  files_.mtimes["model/tokenizer.model"] = 5;
  ExpectDiffers(job, "--model tokenizer.model was changed since");
  ExpectDiffers(job, "touch -d 1970-01-01T00:00:00.000000000Z tokenizer.model");
  files_.mtimes.clear();
  files_.files["model/config.json"] = "[]";
  ExpectDiffers(job, "the beginning of --model config.json");
  files_.files["model/config.json"] = "{ }";
  ExpectDiffers(job, "the size of --model config.json was 2, and is 3");
  files_.files["model/config.json"] = "{}";
  files_.files["model/model-00002.safetensors"] = "";
  ExpectDiffers(job, "the number of files of --model was 3, and is 4");
}

TEST_F(JobIdentityTest, AnInputThatWasTouchedIsTheSameAndNoted) {
  const JobIdentity job = Identify();
  files_.mtimes["in.jsonl"] = 5;
  EXPECT_EQ(CompareJobs(job, Identify(), false, notes_), absl::OkStatus());
  EXPECT_THAT(notes_, testing::ElementsAre(HasSubstr("--input in.jsonl was touched or copied")));
  notes_.clear();
  JobIdentity other = job;
  other.set_seed(2);
  ExpectDiffers(other, "--seed was 2");
  EXPECT_TRUE(notes_.empty());
}

TEST_F(JobIdentityTest, NamesTheSettingThatDiffers) {
  struct Change {
    void (*make)(JobIdentity&);
    const char* name;
  };
  const Change changes[] = {
      {[](JobIdentity& j) { j.set_seed(7); }, "--seed was 7, and is 0"},
      {[](JobIdentity& j) { j.set_numerics_class("x"); }, "numerics class was x, and is bfloat16/"},
      {[](JobIdentity& j) { j.set_numerics_class("\xff\n"); }, "numerics class was \\xff\\n, and"},
      {[](JobIdentity& j) { j.set_arithmetic(7); },
       "the arithmetic of the C library and the processor, as a fingerprint, was 7, and is 0"},
      {[](JobIdentity& j) { j.set_max_model_len(9); }, "--max-model-len"},
      {[](JobIdentity& j) { j.set_lenient(true); }, "--lenient"},
      {[](JobIdentity& j) { j.set_allow_home(true); }, "--allow-home"},
      {[](JobIdentity& j) { j.set_served_model_name("m"); },
       "--served-model-name was m, and is not given"},
      {[](JobIdentity& j) { j.set_model_name("m"); }, "the model's name"},
      {[](JobIdentity& j) { j.set_created(1); }, "--created"},
      {[](JobIdentity& j) { j.set_generation_config("none"); }, "--generation-config"},
      {[](JobIdentity& j) { j.set_return_routed_experts(true); }, "--return-routed-experts"},
      {[](JobIdentity& j) { j.set_model("1234"); }, "the model's configuration"},
      {[](JobIdentity& j) { j.set_version("0"); }, "octet's version"},
  };
  for (const auto& [make, name] : changes) {
    JobIdentity earlier = Identify();
    make(earlier);
    ExpectDiffers(earlier, name);
  }
}

TEST_F(JobIdentityTest, ContentsAreComparedWhenAskedFor) {
  const JobIdentity quick = Identify();
  const JobIdentity whole = Identify(kCompareContents);
  files_.mtimes["in.jsonl"] = 5;  // a copy
  EXPECT_EQ(CompareJobs(whole, Identify(kCompareContents), kCompareContents, notes_),
            absl::OkStatus());
  EXPECT_TRUE(notes_.empty());
  files_.mtimes["model/config.json"] = 5;
  ExpectDiffers(whole, "--verify compares its content instead");
  files_.mtimes.clear();
  files_.files["model/model-00001.safetensors"].back() = 'x';
  EXPECT_EQ(CompareJobs(quick, Identify(), false, notes_),
            absl::OkStatus());  // what quick looks can't see
  ExpectDiffers(whole, "the content of --model model-00001.safetensors", kCompareContents);
  ExpectDiffers(quick, "ran without --verify", kCompareContents);
}

TEST_F(JobIdentityTest, LongFilesAdvance) {
  files_.files["in.jsonl"] = std::string(20 << 20, 'a');
  int advances = 0;
  ASSERT_TRUE(IdentifyFile(files_, "in.jsonl", kCompareContents, [&] { ++advances; }).ok());
  EXPECT_EQ(advances, 5);
}

}  // namespace
}  // namespace octet

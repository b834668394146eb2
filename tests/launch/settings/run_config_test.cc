#include "launch/settings/run_config.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class RunConfigTest : public testing::Test {
 protected:
  RunConfigTest()
      : path_(absl::StrCat(testing::TempDir(), "/octet_run_config_test.", getpid(), ".txtpb")) {}
  ~RunConfigTest() override { std::filesystem::remove(path_); }

  static void AddAll(RunConfigFlags& flags) {
    flags.AddBatchFlags();
    flags.AddRandomWeightsFlags();
  }

  static absl::StatusOr<RunConfig> Resolve(
      const std::vector<std::string>& args,
      const std::function<void(RunConfigFlags&)>& add_flags = AddAll) {
    CommandLine line("");
    RunConfigFlags flags(line);
    add_flags(flags);
    std::vector<const char*> argv = {"octet"};
    for (const std::string& arg : args) argv.push_back(arg.c_str());
    const auto early = line.Parse(static_cast<int>(argv.size()), argv.data());
    if (early) return absl::InvalidArgumentError(early->error);
    return flags.Resolve();
  }

  absl::StatusOr<RunConfig> ResolveFile(const std::string& text,
                                        std::vector<std::string> args = {}) {
    WriteFile(path_, text);
    args.insert(args.end(), {"--config", path_});
    return Resolve(args);
  }

  static std::string Message(const absl::StatusOr<RunConfig>& config) {
    EXPECT_FALSE(config.ok()) << config->DebugString();
    return std::string(config.status().message());
  }

  std::string path_;
};

constexpr char kDefaults[] =
    R"(placement: "contiguous" dtype: "auto" device: "cpu" isa: "auto" max_num_seqs: 64
       row_transport: "auto" memory: "90%" timeout: 60 overlap: "auto" replica_policy: "even" progress: "auto"
       home: "least-loaded" expert_parallel: "on" prefix_cache: "on"
       generation_config: "auto" weights: "auto")";

RunConfig Parsed(const std::string& text) {
  RunConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return config;
}

TEST_F(RunConfigTest, Defaults) {
  EXPECT_EQ(Resolve({})->DebugString(), Parsed(kDefaults).DebugString());
  EXPECT_EQ(ResolveFile("")->DebugString(), Parsed(kDefaults).DebugString());
}

constexpr char kAllFields[] =
    R"(model: "m" placement: "random:1" ep_size: 2 dtype: "float32" device: "cuda" isa: "avx2"
       threads: 3 max_num_seqs: 5 max_num_batched_tokens: 7 max_model_len: 11 memory: "3GiB"
       kv_cache_gib: 0.25 seed: -13 timeout: 1.5 input: ["i", "j", "-"] output: "o" lenient: true
       served_model_name: "n" created: 17 progress: "json" report: "r" dry_run: true
       overlap: "on" replica_policy: "nearest" replicas: 2 expert_counts: "e" resume: true
       overwrite: true verify: true pack_cache: "c" random_weights: true shape: "s" layers: 19
       generation_config: "vllm" chat_template: "t" fail_on_refused: 3 trace: "t.zst"
       return_routed_experts: true home: "round-robin" allow_home: true expert_parallel: "on"
       rebalance_every: 9 rebalance_policy: "partition" spare_experts: 4 row_transport: "mpi"
       weights: "int8" prefix_cache: "off" speculate: "5" keep_weights: "k" retry_failed: true
       metrics: "m.prom" timeline: "t.json" profile: "p.txt" price_per_hour: 2.5)";

TEST_F(RunConfigTest, EveryFieldIsAFlag) {
  const auto config = Resolve(absl::StrSplit(
      "--model m --placement random:1 --ep-size 2 --dtype float32 --device cuda --isa avx2 "
      "--threads 3 --max-num-seqs 5 --max-num-batched-tokens 7 --max-model-len 11 --memory 3GiB "
      "--kv-cache-gib 0.25 --seed -13 --timeout 1.5 -i i --input j -i - --output o --lenient "
      "--served-model-name n --created 17 --progress json --report r --dry-run --overlap on "
      "--replica-policy nearest --replicas 2 --expert-counts e --resume --overwrite --verify "
      "--pack-cache c --random-weights --shape s --layers 19 --generation-config vllm "
      "--chat-template t --fail-on-refused=3 --trace t.zst --return-routed-experts "
      "--home round-robin --allow-home --expert-parallel on --rebalance-every 9 "
      "--rebalance-policy partition --spare-experts 4 --row-transport mpi --weights int8 "
      "--prefix-cache off --speculate 5 --keep-weights=k --retry-failed --metrics m.prom "
      "--timeline t.json --profile p.txt --price-per-hour 2.5",
      ' '));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->DebugString(), Parsed(kAllFields).DebugString());
  // No field was forgotten above.
  std::vector<const google::protobuf::FieldDescriptor*> set;
  RunConfig::GetReflection()->ListFields(*config, &set);
  EXPECT_EQ(std::ssize(set), RunConfig::descriptor()->field_count());
}

TEST_F(RunConfigTest, HomesHaveAPolicy) {
  for (const char* home : {"least-loaded", "round-robin", "affinity:t.zst"}) {
    EXPECT_EQ(Resolve({"--home", home})->home(), home);
  }
  for (const char* home : {"least_loaded", "affinity", "affinity:"}) {
    EXPECT_THAT(Message(Resolve({"--home", home})), StartsWith("--home must be least-loaded, "));
  }
}

TEST_F(RunConfigTest, ThePrefixCacheIsOnOrOff) {
  EXPECT_EQ(Resolve({"--prefix-cache", "on"})->prefix_cache(), "on");
  EXPECT_EQ(Resolve({"--prefix-cache", "off"})->prefix_cache(), "off");
  EXPECT_EQ(Message(Resolve({"--prefix-cache", "auto"})), "--prefix-cache must be on or off");
}

TEST_F(RunConfigTest, SpeculationIsAutoOffOrANumber) {
  for (const char* value : {"auto", "off", "1", "32"}) {
    EXPECT_EQ(Resolve({"--speculate", value})->speculate(), value);
  }
  for (const char* value : {"on", "0", "33", "-1", "3x"}) {
    EXPECT_EQ(Message(Resolve({"--speculate", value})),
              "--speculate must be auto, off or a number from 1 to 32");
  }
}

TEST_F(RunConfigTest, WithoutExpertParallelismAGroupIsOneRank) {
  EXPECT_EQ(Resolve({"--expert-parallel", "off"})->ep_size(), 1);
  EXPECT_EQ(Resolve({"--expert-parallel", "off", "--ep-size", "1"})->ep_size(), 1);
  EXPECT_EQ(Resolve({"--expert-parallel", "on", "--ep-size", "3"})->ep_size(), 3);
  EXPECT_THAT(Message(Resolve({"--expert-parallel", "no"})), StartsWith("--expert-parallel must"));
  const std::string contradiction = "--expert-parallel off is --ep-size 1, and contradicts ";
  EXPECT_THAT(Message(Resolve({"--expert-parallel", "off", "--ep-size", "3"})),
              StartsWith(contradiction + "--ep-size 3"));
  EXPECT_THAT(Message(ResolveFile("ep_size: 2", {"--expert-parallel", "off"})),
              StartsWith(contradiction + "--ep-size 2"));
}

TEST_F(RunConfigTest, KeptWeightsAreInSharedMemory) {
  EXPECT_EQ(Resolve({})->keep_weights(), "");
  EXPECT_EQ(Resolve({"--keep-weights"})->keep_weights(), "/dev/shm");
  EXPECT_EQ(Resolve({"--keep-weights=/mnt/memory"})->keep_weights(), "/mnt/memory");
}

TEST_F(RunConfigTest, RefusedLinesThatFailAJob) {
  EXPECT_EQ(Resolve({})->fail_on_refused(), 0);
  EXPECT_EQ(Resolve({"--fail-on-refused"})->fail_on_refused(), 1);
  EXPECT_EQ(Resolve({"--fail-on-refused", "-i", "in"})->fail_on_refused(), 1);
  EXPECT_EQ(Resolve({"--fail-on-refused=12"})->fail_on_refused(), 12);
  for (const char* value : {"0", "-1", "x", "1.5", "99999999999999999999"}) {
    EXPECT_FALSE(Resolve({absl::StrCat("--fail-on-refused=", value)}).ok()) << value;
  }
  EXPECT_FALSE(ResolveFile("fail_on_refused: -1").ok());
}

TEST_F(RunConfigTest, EveryFieldCanStandInTheFile) {
  EXPECT_EQ(ResolveFile(kAllFields)->DebugString(), Parsed(kAllFields).DebugString());
}

TEST_F(RunConfigTest, AFlagWinsOverTheFileAndTheFileOverDefaults) {
  const auto config = ResolveFile(R"(max_num_seqs: 5 dtype: "float32" seed: 9 timeout: 7)",
                                  {"--max-num-seqs", "6", "--seed", "0", "--dtype", "bfloat16"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->max_num_seqs(), 6);
  EXPECT_EQ(config->seed(), 0);
  EXPECT_EQ(config->dtype(), "bfloat16");
  EXPECT_EQ(config->timeout(), 7);
  EXPECT_EQ(config->progress(), "auto");
}

TEST_F(RunConfigTest, ResumeAndOverwriteWinOverTheOtherInTheFile) {
  const auto resume = ResolveFile("overwrite: true", {"--resume"});
  EXPECT_TRUE(resume->resume() && !resume->overwrite());
  const auto overwrite = ResolveFile("resume: true", {"--overwrite"});
  EXPECT_TRUE(!overwrite->resume() && overwrite->overwrite());
  const auto both = Resolve({"--resume", "--overwrite"});  // refused later
  EXPECT_TRUE(both->resume() && both->overwrite());
}

TEST_F(RunConfigTest, TheFileMayComeBeforeOrAfterTheFlags) {
  WriteFile(path_, "threads: 5");
  EXPECT_EQ(Resolve({"--threads", "2", "--config", path_})->threads(), 2);
  EXPECT_EQ(Resolve({"--config", path_, "--threads", "2"})->threads(), 2);
}

TEST_F(RunConfigTest, ShortNames) {
  const auto config = Resolve({"-i", "in", "-o", "out"});
  EXPECT_THAT(config->input(), testing::ElementsAre("in"));
  EXPECT_EQ(config->output(), "out");
}

TEST_F(RunConfigTest, ABadFileNamesItsLine) {
  EXPECT_THAT(Message(ResolveFile("threads: 1\n\nmax_num_sequences: 4\n")),
              HasSubstr(absl::StrCat("--config ", path_, ":3:")));
  EXPECT_THAT(Message(ResolveFile("threads: 1\n\nmax_num_sequences: 4\n")),
              HasSubstr("max_num_sequences"));
  EXPECT_THAT(Message(ResolveFile("threads: \"two\"")), HasSubstr(path_ + ":1:"));
  EXPECT_THAT(Message(ResolveFile("threads: 1\nthreads: 2")), HasSubstr(path_ + ":2:"));
  EXPECT_THAT(Message(ResolveFile("model: \"m\nthreads: 1")), HasSubstr(path_ + ":1:"));
  EXPECT_THAT(Message(ResolveFile("threads: 3000000000")), HasSubstr(path_ + ":1:"));
}

TEST_F(RunConfigTest, AFileHasOnlyWhatTheCommandKnows) {
  const auto refused = [this](const std::string& text,
                              const std::function<void(RunConfigFlags&)>& add_flags) {
    WriteFile(path_, text);
    return Message(Resolve({"--config", path_}, add_flags));
  };
  const auto add_none = [](RunConfigFlags&) {};
  const auto add_batch = [](RunConfigFlags& flags) { flags.AddBatchFlags(); };
  EXPECT_EQ(refused(R"(model: "m" seed: 3)", add_none),
            absl::StrCat("--config ", path_, ": seed is no setting of this command"));
  for (const char* text : {"resume: true", R"(input: "i")", R"(output: "o")", "created: 4"}) {
    const std::string field(text, std::string(text).find(':'));
    EXPECT_THAT(refused(text, add_none), HasSubstr(": " + field + " is no setting"));
  }
  EXPECT_THAT(refused("random_weights: true", add_batch),
              HasSubstr("random_weights is no setting"));
  EXPECT_THAT(refused("layers: 3", add_batch), HasSubstr("layers is no setting"));
  WriteFile(path_, R"(model: "m" max_num_seqs: 3 resume: false)");
  EXPECT_EQ(Resolve({"--config", path_}, add_none)->max_num_seqs(), 3);
}

TEST_F(RunConfigTest, AMissingFileIsNamed) {
  const auto config = Resolve({"--config", "/no/such/file"});
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(config), HasSubstr("--config /no/such/file"));
}

TEST_F(RunConfigTest, RefusesNumbersThatMakeNoSense) {
  for (const auto& [flag, value] :
       std::vector<std::pair<std::string, std::string>>{{"--threads", "-1"},
                                                        {"--max-num-seqs", "-1"},
                                                        {"--max-num-batched-tokens", "-7"},
                                                        {"--max-model-len", "-1"},
                                                        {"--timeout", "-0.5"},
                                                        {"--timeout", "nan"},
                                                        {"--kv-cache-gib", "-1"},
                                                        {"--kv-cache-gib", "nan"},
                                                        {"--layers", "-1"},
                                                        {"--created", "-1"}}) {
    EXPECT_THAT(Message(Resolve({flag, value})), HasSubstr(flag + " must ")) << value;
  }
  EXPECT_EQ(Message(ResolveFile("max_num_seqs: -3")),
            absl::StrCat("--config ", path_,
                         ": max_num_seqs must be a whole number from 1 to 65536, not -3"));
}

TEST_F(RunConfigTest, NumbersOfAFileHaveTheRangesOfTheFlags) {
  for (const std::string setting :
       {"threads: 1000000", "ep_size: 2147483647", "max_num_seqs: 65537",
        "max_num_batched_tokens: 2147483647", "max_model_len: 10000001", "timeout: 1e10",
        "timeout: 0.5", "timeout: inf", "timeout: nan", "kv_cache_gib: 1e300", "kv_cache_gib: nan",
        "layers: 1001", "created: 9223372036854775807", "created: -1"}) {
    const std::string field = setting.substr(0, setting.find(':'));
    EXPECT_THAT(Message(ResolveFile("random_weights: true " + setting)),
                HasSubstr(absl::StrCat(path_, ": ", field, " must be a ")))
        << setting;
    const std::string flag = "--" + absl::StrReplaceAll(field, {{"_", "-"}});
    EXPECT_THAT(Message(Resolve({flag, setting.substr(field.size() + 2)})),
                HasSubstr(flag + " must be a "));
  }
}

TEST_F(RunConfigTest, AFileIsRegularAndOfSomeSize) {
  const auto refused = [](const std::string& path) { return Message(Resolve({"--config", path})); };
  EXPECT_THAT(refused(testing::TempDir()), HasSubstr("is a directory"));
  EXPECT_THAT(refused("/dev/zero"), HasSubstr("is not a regular file"));
  WriteFile(path_, "");
  std::filesystem::resize_file(path_, uint64_t{1} << 40);
  EXPECT_THAT(refused(path_), HasSubstr("at most 1048576 are read"));
  EXPECT_THAT(Message(ResolveFile("model: \"\xff\xfe\"")), HasSubstr(":1:"));
  EXPECT_THAT(Message(ResolveFile("'a\x03'")),
              HasSubstr(":1:1: Expected identifier, got: 'a\\x03'"));
  EXPECT_THAT(Message(Resolve({"--config", ""})), HasSubstr("--config must not be empty"));
}

TEST_F(RunConfigTest, RefusesWhatIsNoNumber) {
  for (const auto& [flag, value] :
       std::vector<std::pair<std::string, std::string>>{{"--threads", "two"},
                                                        {"--threads", "1.5"},
                                                        {"--threads", ""},
                                                        {"--threads", "0x10"},
                                                        {"--threads", "0"},
                                                        {"--threads", "+5"},
                                                        {"--threads", " 5"},
                                                        {"--threads", "1e1"},
                                                        {"--threads", "1025"},
                                                        {"--max-num-seqs", "3000000000"},
                                                        {"--max-num-seqs", "0"},
                                                        {"--seed", "1.5"},
                                                        {"--seed", "9223372036854775808"},
                                                        {"--timeout", "1s"},
                                                        {"--timeout", "inf"},
                                                        {"--timeout", "0"},
                                                        {"--kv-cache-gib", "1e999"}}) {
    EXPECT_THAT(Message(Resolve({flag, value})), HasSubstr(flag + " must ")) << value;
  }
  EXPECT_THAT(Message(Resolve({"--kv-cache-gib", "1e300"})), HasSubstr("--kv-cache-gib must "));
  EXPECT_THAT(Message(Resolve({"--dtype", ""})), HasSubstr("--dtype must not be empty"));
  EXPECT_THAT(Message(Resolve({"--max-num-sequences", "4"})), HasSubstr("--max-num-sequences"));
  EXPECT_THAT(Message(Resolve({"--threads", "1", "--threads", "2"})), HasSubstr("--threads"));
}

TEST_F(RunConfigTest, TheGenerationConfigIsOfABatchJob) {
  EXPECT_EQ(Resolve({"--generation-config", "none"})->generation_config(), "none");
  EXPECT_THAT(Message(Resolve({"--generation-config", "m"})),
              HasSubstr("--generation-config must be auto, vllm or none"));
  EXPECT_EQ(Resolve({}, [](RunConfigFlags&) {})->generation_config(), "");
}

TEST_F(RunConfigTest, AShapeIsOfRandomWeights) {
  EXPECT_THAT(Message(Resolve({"--shape", "s"})), HasSubstr("--shape is of a model with"));
  EXPECT_THAT(Message(ResolveFile("layers: 2")), HasSubstr("--layers is of a model with"));
  EXPECT_THAT(Message(ResolveFile("layers: -2")), HasSubstr("layers must"));
}

TEST_F(RunConfigTest, SeedsMayBeAnyWholeNumber) {
  for (const int64_t seed :
       {std::numeric_limits<int64_t>::min(), int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(Resolve({"--seed", absl::StrCat(seed)})->seed(), seed);
  }
}

}  // namespace
}  // namespace octet

// Command lines with values that nobody should give: each is refused in one sentence, or does what
// it says, within seconds, and writes nothing.

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "runtime/io/utf8.h"
#include "tests/support/octet_process.h"
#include "tests/support/sanitized.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using Words = std::vector<std::string>;

// A command, what it is given always, and flags with what they take.
struct Command {
  Words fixed;
  Words numbers;
  Words texts;
  Words paths;
};

class ExtremeValuesTest : public testing::Test {
 protected:
  ExtremeValuesTest() {
    std::filesystem::create_directory(Path("here"));
    WriteFile(Path("bad.txtpb"), "layers {\n  seven: 7 }");
    WriteFile(Path("octal.txtpb"), "threads: 1000000");
    WriteFile(Path("timeout.txtpb"), "timeout: 1e10");
    WriteFile(Path("bad.json"), "{\"layers\": [1e999");
    WriteFile(Path("text"), "the king");
    WriteFile(Path("sparse.json"), "");
    std::filesystem::resize_file(Path("sparse.json"), uint64_t{1} << 40);
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  const std::string& Any(const Words& words) {
    return words[std::uniform_int_distribution<size_t>(0, words.size() - 1)(random_)];
  }

  // One to three flags of the command besides.
  Words MakeLine(const Command& command) {
    Words line = command.fixed;
    for (int i = std::uniform_int_distribution(1, 3)(random_); i > 0; --i) {
      const auto kind = std::uniform_int_distribution(0, 3)(random_);
      if (kind <= 1 && !command.numbers.empty()) {
        line.insert(line.end(), {Any(command.numbers), Any(kNumbers)});
      } else if (kind == 2 && !command.texts.empty()) {
        line.insert(line.end(), {Any(command.texts), Any(kTexts)});
      } else if (!command.paths.empty()) {
        line.insert(line.end(), {Any(command.paths), Any(paths_)});
      }
    }
    return line;
  }

  void Expect(const Words& line) {
    const std::string shown = absl::StrJoin(line, " ").substr(0, 500);
    const SeparateResult result = RunProgram(line, Path("here"), kSanitized ? 60 : 10);
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 2)
        << shown << " ended with " << result.exit_code << ": " << result.error.substr(0, 2000);
    if (result.exit_code == 2) {
      EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1)
          << shown << ": " << result.error.substr(0, 2000);
      EXPECT_THAT(result.error, testing::StartsWith("octet")) << shown;
      EXPECT_THAT(result.error, testing::EndsWith("\n")) << shown;
      EXPECT_LT(result.error.size(), 1500U) << shown;
      EXPECT_TRUE(IsUtf8(result.error)) << shown;
    }
    EXPECT_TRUE(std::filesystem::is_empty(Path("here"))) << shown;
  }

  const std::string directory_ = TestDirectory();
  const std::string model_ = OCTET_SOURCE_DIR "/launch/demo/model";
  std::mt19937 random_{20240613};

  const Words kNumbers = {"0",
                          "-1",
                          "1",
                          "1000000",
                          "2147483647",
                          "2147483648",
                          "-2147483649",
                          "4294967297",
                          "9223372036854775807",
                          "9223372036854775808",
                          "-9223372036854775808",
                          std::string(300, '9'),
                          "1e10",
                          "1e300",
                          "1e999",
                          "-1e999",
                          "1e-300",
                          "nan",
                          "inf",
                          "0x10",
                          "010",
                          " 5",
                          "5 ",
                          "+5",
                          "",
                          "1.5",
                          "-",
                          "--",
                          "5\n6",
                          "\xff\xfe",
                          std::string(100'000, '7')};
  const Words kTexts = {"",
                        "auto",
                        "none",
                        "float32",
                        "random:",
                        "random:-1",
                        "random:99999999999999999999999",
                        "random:0x1",
                        "1e30GiB",
                        "99999999999999999999TiB",
                        "101%",
                        "0%",
                        "1.2.3GiB",
                        "nanGiB",
                        std::string(50'000, 'a'),
                        std::string(5000, '.'),
                        "\x1b[2J\n\r",
                        "\xc3\x28"};
  const Words paths_ = {"",
                        "/dev/zero",
                        "/dev/null",
                        "/",
                        ".",
                        "/nowhere",
                        "/proc/self/mem",
                        "/proc/self/maps",
                        "/dev/full",
                        "/etc/passwd/x",
                        std::string(300, 'x'),
                        "\xff\n",
                        std::string(9000, '/'),
                        Path("bad.txtpb"),
                        Path("bad.json"),
                        Path("octal.txtpb"),
                        Path("timeout.txtpb"),
                        Path("sparse.json"),
                        directory_};
};

TEST_F(ExtremeValuesTest, RandomCommandLines) {
  const Words of_runs = {
      "--threads",       "--ep-size", "--max-num-seqs", "--max-num-batched-tokens",
      "--max-model-len", "--timeout", "--kv-cache-gib"};
  const Words texts_of_runs = {"--dtype",  "--device",   "--isa",      "--overlap",
                               "--memory", "--progress", "--placement"};
  const Words paths_of_runs = {"--config", "--model", "--placement"};
  const auto with = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::vector<Command> commands = {
      {{"run-batch", "--dry-run", "--model", model_, "-i", Path("text"), "-o", Path("here/out")},
       with(of_runs, {"--seed", "--created"}),
       texts_of_runs,
       {"--config", "--placement"}},
      {{"run-batch", "--dry-run", "-i", Path("text"), "-o", Path("here/out")},
       of_runs,
       texts_of_runs,
       paths_of_runs},
      {{"inspect", model_}, {"--ranks"}, {"--dtype", "--placement"}, {"--placement"}},
      {{"inspect"}, {"--ranks"}, {}, {"--ranks", "--placement", "--dtype"}},
      {{"perplexity", "--dry-run", "--model", model_, "-f", Path("text")},
       with(of_runs, {"--window", "--stride"}),
       texts_of_runs,
       {"--placement", "--config"}},
      {{"perplexity", "--model", model_}, {"--window"}, {"--dtype"}, {"-f"}},
      {{"tokenize"}, {"--threads"}, {}, {"--model", "-i"}},
      {{"tokenize", "--model", model_}, {}, {}, {"-i"}},
      {{"bench", "throughput", "--dry-run", "--model", model_},
       with(of_runs, {"--input-len", "--output-len", "--num-prompts", "--seed", "--layers"}),
       with(texts_of_runs, {"--shape"}),
       {"--config", "--placement"}},
      {{"bench", "kernels", "--isa", "none"},
       {"--threads", "--inputs", "--outputs", "--rows", "--tokens", "--seq-len", "--contexts",
        "--memory-mib"},
       {"--isa"},
       {"--save"}},
      {{"bench", "exchange"},
       {"--tokens", "--hidden-size", "--experts", "--top-k", "--seed", "--threads"},
       {"--dtype", "--placement"},
       {"--save", "--placement"}},
      {{}, {"run-batch", "inspect", "--ranks"}, {"bench", "--version"}, {"help", "inspect"}}};
  for (int i = 0; i < (kSanitized ? 36 : 240); ++i) Expect(MakeLine(commands[i % commands.size()]));
}

TEST_F(ExtremeValuesTest, EachFlagWithOneTooLarge) {
  for (const Words& line :
       std::vector<Words>{{"run-batch", "--model", model_, "--threads", "1000000"},
                          {"run-batch", "--model", model_, "--timeout", "1e10"},
                          {"run-batch", "--model", model_, "--placement", "/dev/zero"},
                          {"run-batch", "--model", model_, "--placement", directory_},
                          {"run-batch", "--config", Path("octal.txtpb")},
                          {"run-batch", "--config", Path("timeout.txtpb")},
                          {"inspect", model_, "--ranks", "2147483647"},
                          {"bench", "kernels", "--rows", "1000000000"},
                          {"bench", "kernels", "--inputs", "1048576", "--outputs", "1048576"},
                          {"bench", "kernels", "--memory-mib", "1048576", "--threads", "1024"},
                          {"bench", "throughput", "--model", model_, "--input-len", "2147483647"},
                          {"bench", "throughput", "--model", model_, "--num-prompts", "2147483647"},
                          {"bench", "exchange", "--tokens", "1,2,1000000000"}}) {
    Expect(line);
    EXPECT_EQ(RunProgram(line, Path("here"), 60).exit_code, 2) << absl::StrJoin(line, " ");
  }
}

}  // namespace
}  // namespace octet

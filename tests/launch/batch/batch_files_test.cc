// What becomes of the files that a batch job meets, and of those that it is given.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "tests/support/demo_model.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

class BatchFilesTest : public testing::Test {
 protected:
  BatchFilesTest() {
    std::string lines;
    for (int i = 0; i < 4; ++i) {
      absl::StrAppend(&lines, R"({"custom_id": ")", i, R"(", "url": "/v1/completions", "body": )",
                      R"({"prompt": "In the beginning", "max_tokens": 2}})", "\n");
    }
    WriteFile(Path("in.jsonl"), lines);
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string Command(const std::string& flags) const {
    return "cd " + directory_ + " && " + OctetProgram() +
           " run-batch --threads 1 --progress none --model " + kDemoModel + " " + flags;
  }
  ProcessResult Run(const std::string& flags) const { return RunShell(Command(flags)); }

  // All files by path; of links where they lead.
  std::map<std::string, std::string> AllFiles() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      const std::string path = entry.path().string();
      if (entry.is_symlink()) {
        files[path] = "-> " + std::filesystem::read_symlink(path).string();
      } else {
        files[path] = entry.is_regular_file() ? ReadFile(path) : "";
      }
    }
    return files;
  }

  // With exit code 2, and nothing is written, also no directory.
  void ExpectRefused(const std::string& flags, const std::string& message) {
    const auto before = AllFiles();
    const ProcessResult result = Run(flags);
    EXPECT_EQ(result.exit_code, 2) << flags << "\n" << result.output;
    EXPECT_THAT(result.output, HasSubstr(message)) << flags;
    EXPECT_EQ(AllFiles(), before) << flags;
  }

  int64_t NumLines(const std::string& name) const {
    const std::string text = ReadFile(Path(name));
    return std::count(text.begin(), text.end(), '\n');
  }

  const std::string directory_ = TestDirectory();
};

TEST_F(BatchFilesTest, AnOutputOfNoJobIsKept) {
  WriteFile(Path("out.jsonl"), "precious\n");
  ExpectRefused("-i in.jsonl -o out.jsonl",
                "is there already, and no journal says that octet wrote it: 9 bytes, last changed");
  ExpectRefused("-i in.jsonl -o out.jsonl --resume", "move it away, and --resume goes on");
  ExpectRefused("-i - -o out.jsonl", "is there already: 9 bytes, last changed");
  EXPECT_EQ(Run("-i in.jsonl -o out.jsonl --overwrite").exit_code, 0);
  EXPECT_EQ(NumLines("out.jsonl"), 4);
}

TEST_F(BatchFilesTest, AFinishedOutputOfAnotherJobIsKept) {
  ASSERT_EQ(Run("-i in.jsonl -o out.jsonl").exit_code, 0);
  const std::string before = ReadFile(Path("out.jsonl"));
  ExpectRefused("-i in.jsonl -o out.jsonl --seed 3",
                "is the finished output of another job: --seed was 0, and is 3; --overwrite");
  ExpectRefused("-i in.jsonl -o out.jsonl --seed 3 --resume", "--seed was 0, and is 3");
  ExpectRefused("-i - -o out.jsonl", "the finished output of another job: ");
  std::filesystem::last_write_time(Path("in.jsonl"), std::filesystem::file_time_type::clock::now());
  const ProcessResult touched = Run("-i in.jsonl -o out.jsonl --resume");
  EXPECT_EQ(touched.exit_code, 0);
  EXPECT_THAT(touched.output, HasSubstr("is complete since"));
  EXPECT_THAT(touched.output, HasSubstr("note: --input in.jsonl was touched or copied since"));
  std::string other = ReadFile(Path("in.jsonl"));
  other[other.rfind("beginning")] = 'B';
  WriteFile(Path("in.jsonl"), other);
  ExpectRefused("-i in.jsonl -o out.jsonl", "the beginning of --input in.jsonl was");
  EXPECT_EQ(ReadFile(Path("out.jsonl")), before);
}

TEST_F(BatchFilesTest, ALinkIsFollowed) {
  std::filesystem::create_directory(Path("disk"));
  std::filesystem::create_symlink("disk/real.jsonl", Path("out.jsonl"));
  const ProcessResult result = Run("-i in.jsonl -o out.jsonl");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("keeps a journal in disk/real.jsonl.journal"));
  EXPECT_TRUE(std::filesystem::is_symlink(Path("out.jsonl")));
  EXPECT_EQ(NumLines("disk/real.jsonl"), 4);
  std::filesystem::create_symlink("loop", Path("loop"));
  ExpectRefused("-i in.jsonl -o loop", "loop: cannot be followed");
}

TEST_F(BatchFilesTest, OutputsInTheWayOfOtherFilesAreRefused) {
  std::filesystem::create_symlink("in.jsonl", Path("soft.jsonl"));
  std::filesystem::create_hard_link(Path("in.jsonl"), Path("hard.jsonl"));
  std::filesystem::create_directory(Path("report"));
  std::filesystem::create_hard_link(Path("in.jsonl"), Path("report/summary.json"));
  for (const char* output : {"in.jsonl", "soft.jsonl", "hard.jsonl", "./in.jsonl"}) {
    ExpectRefused(absl::StrCat("-i in.jsonl -o ", output), "would overwrite --input in.jsonl");
  }
  ExpectRefused("-i in.jsonl -o out.jsonl.journal", "has the name of a journal");
  ExpectRefused(absl::StrCat("-i in.jsonl -o ", kDemoModel, "/out.jsonl"),
                "lies among the files of --model");
  ExpectRefused("-i in.jsonl -o out.jsonl --report report", "--report would overwrite --input");
  ExpectRefused("-i in.jsonl -o out.jsonl --report out.jsonl", "stands in the way of --output");
  ExpectRefused("-i in.jsonl -o out.jsonl --report out.jsonl/x", "stands in the way of --output");
  ExpectRefused("-i in.jsonl -o out.jsonl --report in.jsonl/x", "in.jsonl is not a directory");
  ExpectRefused(absl::StrCat("-i in.jsonl -o ", std::string(250, 'x')), "File name too long");
  WriteFile(Path("out.jsonl.journal"), "mine");
  ExpectRefused("-i in.jsonl -o out.jsonl", "out.jsonl.journal: is not a directory");
  ExpectRefused("-i - -o out.jsonl", "out.jsonl.journal: is not a directory");
}

TEST_F(BatchFilesTest, TwoJobsOnOneOutputDontMeet) {
  for (const std::string second : {"-i - -o out.jsonl < in.jsonl", "-i in.jsonl -o out.jsonl",
                                   "-i - -o link.jsonl < in.jsonl"}) {
    std::filesystem::remove(Path("out.jsonl"));
    std::filesystem::remove(Path("link.jsonl"));
    std::filesystem::create_symlink("out.jsonl", Path("link.jsonl"));
    // The first one has its input when the second has ended.
    const ProcessResult result = RunShell(
        "cd " + directory_ + "; mkfifo pipe; (" + Command("-i - -o out.jsonl < pipe") +
        ") & exec 9> pipe; until [ -e out.jsonl.journal/output-000001 ]; do sleep 0.05; done; " +
        Command(second) + "; echo second $?; cat in.jsonl in.jsonl >&9; exec 9>&-; wait $!; " +
        "echo first $?; rm pipe");
    EXPECT_THAT(result.output, HasSubstr("out.jsonl is in use by process "));
    EXPECT_THAT(result.output, HasSubstr("second 2"));
    EXPECT_THAT(result.output, HasSubstr("first 0"));
    EXPECT_EQ(NumLines("out.jsonl"), 8);
    EXPECT_FALSE(std::filesystem::exists(Path("out.jsonl.journal")));
  }
}

TEST_F(BatchFilesTest, ClosedStandardStreamsTakeNoFiles) {
  ASSERT_EQ(Run("-i in.jsonl -o out.jsonl").exit_code, 0);
  for (const char* closed : {"0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"}) {
    const std::string output = "closed.jsonl";
    EXPECT_EQ(Run(absl::StrCat("-i in.jsonl -o ", output, " --overwrite ", closed)).exit_code, 0);
    EXPECT_EQ(ReadFile(Path(output)), ReadFile(Path("out.jsonl"))) << closed;
  }
  ExpectRefused("-i - -o new.jsonl 0<&-", "--input -: standard input: is closed");
  ExpectRefused("-i in.jsonl -o - 1>&-", "--output -: standard output: is closed");
}

TEST_F(BatchFilesTest, AFileThatGrowsTooLargeIsNamed) {
  std::string lines;
  for (int i = 0; i < 20; ++i) absl::StrAppend(&lines, ReadFile(Path("in.jsonl")));
  WriteFile(Path("in.jsonl"), lines);
  const ProcessResult result = RunShell("ulimit -f 10; " + Command("-i in.jsonl -o out.jsonl"));
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("out.jsonl.journal/part-000001: writing beyond the size "
                                       "that this process may give a file (ulimit -f)"));
  EXPECT_THAT(result.output, HasSubstr("what is done is kept in out.jsonl.journal"));
  EXPECT_EQ(Run("-i in.jsonl -o out.jsonl --resume").exit_code, 0);
  EXPECT_EQ(NumLines("out.jsonl"), 80);
}

// The peer comes later than ranks wait for each other.
TEST_F(BatchFilesTest, APipeWithoutAPeerIsSaid) {
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  const auto run_until_peer = [&](const std::string& flags, const std::string& note,
                                  const std::string& peer) {
    return RunShell(absl::StrCat("cd ", directory_, "; : > said; (until grep -q \"", note,
                                 "\" said; do sleep 0.1; done; sleep 2; ", peer, ") & ",
                                 Command(flags), " --timeout 1 2> said; status=$?; cat said; ",
                                 "wait; exit $status"));
  };
  const ProcessResult reader = run_until_peer(
      "-i in.jsonl -o pipe", "note: waits for a reader of --output pipe", "cat pipe > copy");
  EXPECT_EQ(reader.exit_code, 0) << reader.output;
  EXPECT_EQ(NumLines("copy"), 4);
  const ProcessResult writer = run_until_peer(
      "-i pipe -o out.jsonl", "note: waits for a writer of pipe", "cat in.jsonl > pipe");
  EXPECT_EQ(writer.exit_code, 0) << writer.output;
  EXPECT_EQ(NumLines("out.jsonl"), 4);
}

}  // namespace
}  // namespace octet

// octet doctor as a user runs it, on hosts with faults.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Doctor, ShowsHostsAndEndsWell) {
  const std::string json = TestDirectory() + "/doctor.json";
  const std::string csv = TestDirectory() + "/links.csv";
  const ProcessResult result = RunOctet(2, std::string("doctor --model ") + kDemoModel +
                                               " --output-json " + json + " --links " + csv);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("memory free"), HasSubstr("Open MPI v"), HasSubstr("GB/s"),
                    HasSubstr("0 errors, "), HasSubstr("safetensors of Hugging Face")));
  const nlohmann::json report = ParseJson(ReadFile(json));
  EXPECT_EQ(report["ranks"].size(), 2U);
  EXPECT_EQ(report["links"].size(), 1U);
  EXPECT_THAT(ReadFile(csv), StartsWith("latency_us,rank 0,rank 1\nrank 0,,"));
  EXPECT_EQ(report["ranks"][0]["limits"][0]["name"], "open files");
}

TEST(Doctor, OneProcessWithoutMpirun) {
  const ProcessResult result = RunOctet(0, "doctor --quick");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("0 errors, "), Not(HasSubstr("GB/s"))));
}

TEST(Doctor, FewOpenFilesAreAnError) {
  const ProcessResult result = RunShell("ulimit -n 64; " + OctetCommand(2) + " doctor --quick");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("at most 64 open files are allowed"),
                    HasSubstr("raise 'nofile' in /etc/security/limits.conf to 1024"),
                    HasSubstr("octet: doctor found 1 error\n"), Not(HasSubstr("run.sh: "))));
}

TEST(Doctor, OtherLimits) {
  const ProcessResult result = RunShell("ulimit -Sl 64; ulimit -Sc 0; ulimit -Sf 1000000; " +
                                        OctetCommand(2) + " doctor --quick");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("at most 64 KiB of memory may be locked"),
                    HasSubstr("a crash leaves no core file"), HasSubstr("files may have at most")));
}

TEST(Doctor, RanksBoundToOneCore) {
  const ProcessResult result = RunShell(
      "taskset -c 0 true && nproc && " + std::string(kIgnoreLeaks) +
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe --bind-to "
      "none -n 2 taskset -c 0 " +
      OctetProgram() + " doctor --quick");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  if (result.output.starts_with("1\n")) GTEST_SKIP() << "this machine has one core";
  EXPECT_THAT(result.output, HasSubstr("ranks 0 and 1 are bound to the same core 0"));
}

TEST(Doctor, BindingByTheLauncher) {
  const ProcessResult result = RunShell(
      "nproc; " + std::string(kIgnoreLeaks) +
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --bind-to core -n 1 " +
      OctetProgram() + " doctor --quick");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  if (result.output.starts_with("1\n")) GTEST_SKIP() << "this machine has one core";
  EXPECT_THAT(result.output, HasSubstr("mpirun bound the rank"));
  EXPECT_THAT(result.output, HasSubstr("give --bind-to none, or start with launch/run.sh"));
}

TEST(Doctor, ARankWithAnotherProgram) {
  const std::string other = TestDirectory() + "/octet";
  std::filesystem::copy_file(OctetProgram(), other);
  std::ofstream(other, std::ios::app) << "x";
  const ProcessResult result = RunShell(MpirunCommand() + " -n 1 " + OctetProgram() +
                                        " doctor --quick : -n 1 " + other + " doctor --quick");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("is another build than octet"));
}

TEST(Doctor, AModelThatIsNotThere) {
  const ProcessResult result = RunOctet(2, "doctor --quick --model /no/such/model");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("/no/such/model"));
  EXPECT_THAT(result.output, HasSubstr("put the same model under this path on each host"));
}

TEST(Doctor, RefusesFlagsThatMakeNoSense) {
  const ProcessResult alone = RunOctet(0, "doctor --read-all");
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.output, HasSubstr("--read-all has no effect without --model"));
  const ProcessResult quick = RunOctet(0, "doctor --quick --links l.csv");
  EXPECT_EQ(quick.exit_code, 2);
  EXPECT_THAT(quick.output, HasSubstr("--links has no effect with --quick"));
  const ProcessResult file = RunOctet(2, "doctor --output-json /no/such/directory/d.json");
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_THAT(file.output, HasSubstr("/no/such/directory/d.json"));
}

}  // namespace
}  // namespace octet

#include "launch/inspect/tokenize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/demo_model.h"
#include "tests/support/octet_process.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using testing::HasSubstr;

TEST(TokenizeLines, WritesALineOfIdsForEachLine) {
  std::istringstream in("ab\n\na\r\nb");
  std::ostringstream out;
  const Tokenizer tokenizer = MakeTokenizer(LetterModel());
  ASSERT_TRUE(TokenizeLines(tokenizer, Spelling::kText, in, out).ok());
  EXPECT_EQ(out.str(), "3 4\n\n3 0\n4\n");
}

TEST(TokenizeLines, TakesSpellingsAsTokensOnDemand) {
  std::istringstream in("a</s>b\n<s>");
  std::ostringstream out;
  const Tokenizer tokenizer = MakeTokenizer(LetterModel());
  ASSERT_TRUE(TokenizeLines(tokenizer, Spelling::kToken, in, out).ok());
  EXPECT_EQ(out.str(), "3 2 4\n1\n");
}

TEST(TokenizeLines, SaysWhenItCannotWrite) {
  std::istringstream in("ab\n");
  std::ofstream out("/dev/full");
  const auto status = TokenizeLines(MakeTokenizer(LetterModel()), Spelling::kText, in, out);
  EXPECT_THAT(std::string(status.message()), HasSubstr("could not be written"));
}

TEST(Tokenize, GivesIdsOfLines) {
  const ProcessResult result = RunShell("printf \"In the beginning\\nROMEO:\\n\" | " +
                                        OctetProgram() + " tokenize --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0);
  const ProcessResult by_dash = RunShell("printf \"In the beginning\\nROMEO:\\n\" | " +
                                         OctetProgram() + " tokenize -i - --model " + kDemoModel);
  EXPECT_EQ(by_dash.output, result.output);
  const ProcessResult oracle =
      RunShell("printf \"In the beginning\\nROMEO:\\n\" | spm_encode --output_format=id --model=" +
               std::string(kDemoModel) + "/tokenizer.model");
  EXPECT_EQ(oracle.exit_code, 0) << oracle.output;
  EXPECT_EQ(result.output, oracle.output);
}

}  // namespace
}  // namespace octet

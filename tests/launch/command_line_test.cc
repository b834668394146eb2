#include "launch/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A program with two commands, of which one is below another.
class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    program_.AddVersion("octopus 8");
    swim_.AddRequiredText("where", where_, "a sea");
    swim_.AddCount("-a,--arms", arms_, "default 8");
    swim_.AddCounts("--depths", depths_, "default 10");
    swim_.OnTexts(
        "--prey", [this](const auto& prey) { prey_ = prey; }, "may be repeated");
    swim_.OnSwitch(
        "--ink", [this] { ink_ = true; }, "against sharks");
    hide_.OnText(
        "--colour", [this](const std::string& text) { colour_ = text; }, "of the sand");
  }

  std::optional<EarlyExit> Parse(std::vector<const char*> args) {
    args.insert(args.begin(), "octopus");
    return program_.Parse(static_cast<int>(args.size()), args.data());
  }

  std::string Refused(const std::vector<const char*>& args) {
    const std::optional<EarlyExit> early = Parse(args);
    if (!early) return "accepted";
    EXPECT_EQ(early->code, ExitCode::kCannotServe);
    EXPECT_EQ(early->output, "");
    return early->error;
  }

  CommandLine program_{"a mollusc"};
  CommandLine swim_{program_, "swim", "to another place"};
  CommandLine rest_{program_, "rest", "at a place"};
  CommandLine hide_{rest_, "hide", "between stones"};
  std::string where_;
  std::string colour_ = "grey";
  int64_t arms_ = 8;
  std::vector<int64_t> depths_ = {10};
  std::vector<std::string> prey_;
  bool ink_ = false;
};

TEST_F(CommandLineTest, SetsWhatIsGiven) {
  EXPECT_FALSE(Parse({"swim", "--depths", "20,5", "home", "--prey", "crab", "-a", "7", "--prey",
                      "clam", "--ink"}));
  EXPECT_TRUE(swim_.chosen());
  EXPECT_FALSE(rest_.chosen() || hide_.chosen());
  EXPECT_EQ(where_, "home");
  EXPECT_EQ(arms_, 7);
  EXPECT_THAT(depths_, ElementsAre(20, 5));
  EXPECT_THAT(prey_, ElementsAre("crab", "clam"));
  EXPECT_TRUE(ink_);
}

TEST_F(CommandLineTest, LeavesWhatIsNotGiven) {
  EXPECT_FALSE(Parse({"rest", "hide"}));
  EXPECT_TRUE(rest_.chosen() && hide_.chosen());
  EXPECT_FALSE(swim_.chosen() || ink_);
  EXPECT_EQ(colour_, "grey");
  EXPECT_EQ(arms_, 8);
}

TEST_F(CommandLineTest, SaysWhatIsWrong) {
  EXPECT_THAT(Refused({}), HasSubstr("subcommand is required"));
  EXPECT_THAT(Refused({"rest"}), HasSubstr("subcommand is required"));
  EXPECT_THAT(Refused({"swim"}), HasSubstr("where is required"));
  EXPECT_THAT(Refused({"swim", "home", "--legs", "4"}), HasSubstr("--legs"));
  for (const char* arms : {"0", "-1", "two", "1.5"}) {
    EXPECT_THAT(Refused({"swim", "home", "--arms", arms}), HasSubstr("--arms")) << arms;
  }
  EXPECT_THAT(Refused({"rest", "hide", "--colour", "red", "--colour", "blue"}),
              HasSubstr("--colour"));
}

TEST_F(CommandLineTest, HelpAndVersionAreNoErrors) {
  for (const auto& [args, text] : std::vector<std::pair<std::vector<const char*>, std::string>>{
           {{"--help"}, "to another place"},
           {{"swim", "--help"}, "against sharks"},
           {{"rest", "hide", "-h"}, "of the sand"},
           {{"--version"}, "octopus 8\n"}}) {
    const std::optional<EarlyExit> early = Parse(args);
    ASSERT_TRUE(early) << text;
    EXPECT_EQ(early->code, ExitCode::kDone);
    EXPECT_THAT(early->output, HasSubstr(text));
    EXPECT_THAT(early->error, IsEmpty());
  }
}

}  // namespace
}  // namespace octet

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
    swim_.AddCount("-a,--arms", arms_, {1, 100}, "default 8");
    swim_.AddCounts("--depths", depths_, {0, 11000}, "default 10");
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
  const std::string see = "; see 'octopus swim --help'";
  EXPECT_EQ(Refused({"swim"}), "octopus swim: where is required" + see);
  EXPECT_EQ(Refused({"swim", "home", "--legs", "4"}),
            "octopus swim: '--legs' is no flag of this command" + see);
  EXPECT_EQ(Refused({"swim", "home", "away"}),
            "octopus swim: 'away' is one argument too many" + see);
  EXPECT_EQ(Refused({"swim", "home", "--arms"}), "octopus swim: --arms needs a value" + see);
  EXPECT_EQ(Refused({"swim", ""}), "octopus swim: where must not be empty" + see);
  EXPECT_EQ(Refused({"swim", "home", "--arms", "101"}),
            "octopus swim: --arms must be a whole number from 1 to 100, not '101'" + see);
  for (const char* arms : {"0", "-1", "two", "1.5", "", "+5", " 5", "5 ", "0x10", "1e1"}) {
    EXPECT_THAT(Refused({"swim", "home", "--arms", arms}), HasSubstr("--arms must be")) << arms;
  }
  for (const char* depths : {"", ",", "1,", "1,,2", "1;2", "-1", "12000", "1, 2"}) {
    EXPECT_THAT(Refused({"swim", "home", "--depths", depths}), HasSubstr("--depths must be"))
        << depths;
  }
}

TEST_F(CommandLineTest, ATextThatIsLongIsNotRepeated) {
  const std::string digits(5000, '7');
  EXPECT_LT(Refused({"swim", "home", "--arms", digits.c_str()}).size(), 400U);
  EXPECT_LT(Refused({"swim", "home", digits.c_str()}).size(), 400U);
  EXPECT_LT(Refused({"swim", "home", ("--" + digits).c_str()}).size(), 400U);
  EXPECT_LT(Refused({digits.c_str()}).size(), 400U);
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_THAT(Refused({"swim", "home", "--depths", many.c_str()}),
              HasSubstr("--depths takes at most 64 numbers"));
}

TEST_F(CommandLineTest, ASingleFlagStandsOnce) {
  EXPECT_THAT(Refused({"swim", "home", "-a", "7", "--arms", "7"}),
              HasSubstr("--arms is given more than once"));
  EXPECT_THAT(Refused({"swim", "home", "--depths", "1", "--depths", "2"}),
              HasSubstr("--depths is given more than once"));
  EXPECT_THAT(Refused({"rest", "hide", "--colour", "red", "--colour", "blue"}),
              HasSubstr("--colour is given more than once"));
}

TEST_F(CommandLineTest, NamesTheCommandsThatThereAre) {
  EXPECT_EQ(Refused({"fly"}),
            "octopus: there is no command 'fly': choose one of swim, rest; see 'octopus --help'");
  EXPECT_EQ(Refused({"rest", "fly"}),
            "octopus rest: there is no command 'fly': choose one of hide; see 'octopus rest "
            "--help'");
  EXPECT_THAT(Refused({"help", "fly"}), HasSubstr("there is no command 'fly'"));
  EXPECT_EQ(Refused({"--arms", "7", "swim", "home"}),
            "octopus: '--arms' stands before the command: choose one of swim, rest; see 'octopus "
            "--help'");
  for (const std::vector<const char*>& args : {std::vector<const char*>{}, {"rest"}}) {
    const std::optional<EarlyExit> early = Parse(args);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->code, ExitCode::kCannotServe);
    EXPECT_THAT(early->error, HasSubstr("a command is missing: choose one of"));
    EXPECT_THAT(early->output, HasSubstr(args.empty() ? "to another place" : "between stones"));
  }
}

TEST_F(CommandLineTest, HelpAndVersionAreNoErrors) {
  for (const auto& [args, text] : std::vector<std::pair<std::vector<const char*>, std::string>>{
           {{"--help"}, "to another place"},
           {{"help"}, "to another place"},
           {{"help", "rest", "hide"}, "Usage: octopus rest hide"},
           {{"swim", "--help"}, "against sharks"},
           {{"swim", "--help"}, "default 8; 1 to 100"},
           {{"swim", "--legs", "--arms", "-1", "-h"}, "against sharks"},
           {{"swim", "--arms", "--help"}, "against sharks"},
           {{"fly", "--help"}, "to another place"},
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

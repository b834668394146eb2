#include "launch/chat/chat_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ChatCommandsTest, AWordAndWhatFollows) {
  const auto command = ParseChatCommand("/system \t Be short. ");
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->verb, ChatVerb::kSystem);
  EXPECT_EQ(command->argument, "Be short.");
  EXPECT_EQ(ParseChatCommand("/bye")->verb, ChatVerb::kExit);
}

TEST(ChatCommandsTest, ErrorsNameTheCommand) {
  EXPECT_THAT(std::string(ParseChatCommand("/Reset").status().message()),
              HasSubstr("'/Reset' is no command; /help lists them"));
  EXPECT_THAT(std::string(ParseChatCommand("/").status().message()), HasSubstr("is no command"));
  EXPECT_EQ(ParseChatCommand("/reset now").status().message(), "/reset takes nothing after it");
  EXPECT_EQ(ParseChatCommand("/load ").status().message(), "/load needs a FILE");
}

TEST(ChatCommandsTest, AMessageOfSeveralLinesIsNone) {
  EXPECT_TRUE(IsChatCommand("/reset"));
  EXPECT_FALSE(IsChatCommand("/reset\nplease"));
  EXPECT_FALSE(IsChatCommand(" /reset"));
}

TEST(ChatCommandsTest, WordsGoOn) {
  EXPECT_THAT(CompleteChatLine("/s"), ElementsAre("/system", "/set", "/show", "/save"));
  EXPECT_THAT(CompleteChatLine("/set top_"), ElementsAre("top_p", "top_k"));
  for (const char* line : {"", "hello", "/set top_p 1", "/load /tm", "/x"}) {
    EXPECT_THAT(CompleteChatLine(line), IsEmpty()) << line;
  }
}

}  // namespace
}  // namespace octet

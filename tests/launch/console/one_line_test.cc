#include "launch/console/one_line.h"

#include <gtest/gtest.h>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

TEST(OneLine, LeavesWhatCanBeRead) {
  EXPECT_EQ(OneLine(""), "");
  EXPECT_EQ(OneLine("Zürich: '10 €' \\n"), "Zürich: '10 €' \\n");
}

TEST(OneLine, EscapesWhatChangesATerminal) {
  EXPECT_EQ(OneLine("a\nb\r\t\x1b[2J\x7f"), "a\\nb\\r\\t\\x1b[2J\\x7f");
  EXPECT_EQ(OneLine(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(OneLine("\xc2\x9b"), "\\xc2\\x9b");  // CSI in one character
  EXPECT_EQ(OneLine("a\xff\xfe"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(OneLine, LeavesTheMiddleOut) {
  std::string text = "begin ";
  for (int i = 0; i < 5000; ++i) text += "ü";
  const std::string line = OneLine(text + " end");
  EXPECT_LT(line.size(), 1300U);
  EXPECT_TRUE(IsUtf8(line));
  EXPECT_EQ(line.substr(0, 6), "begin ");
  EXPECT_EQ(line.substr(line.size() - 4), " end");
}

}  // namespace
}  // namespace octet

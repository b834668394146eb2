#include "runtime/batch/input_lines.h"

#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

TEST(InputLines, BlankOnesDontCount) {
  MemoryFileSystem files;
  files.files = {{"a", "{1}\n\n \t\r\n{2}"}, {"b", "{3}\n"}, {"whole", "{1}\n{2}\n{3}\n"}};
  int advances = 0;
  const auto hash = [&](const std::vector<std::string>& inputs) {
    return HashOfLines(files, inputs, [&] { ++advances; }).value();
  };
  EXPECT_EQ(hash({"a", "b"}), hash({"whole"}));
  EXPECT_NE(hash({"b", "a"}), hash({"whole"}));
  EXPECT_EQ(hash({"b"}), AddToHash(0, HashOfLine("{3}")));
  EXPECT_GT(advances, 0);
  EXPECT_FALSE(HashOfLines(files, {"absent"}, [] {}).ok());
}

TEST(InputLines, AreEstimatedFromHowTheyBegin) {
  MemoryFileSystem files;
  std::string lines;
  for (int i = 0; i < 100'000; ++i) lines += "{\"a\": 1}\n";
  files.files = {{"many", lines},      {"one", "{}"},  {"none", ""},
                 {"gz", "\x1f\x8b x"}, {"list", "[]"}, {"blank", "\n\n{}\n"}};
  const auto estimate = [&](const std::vector<std::string>& inputs) {
    return EstimateLines(files, inputs).value();
  };
  EXPECT_NEAR(static_cast<double>(estimate({"many"})), 100'000, 100);
  EXPECT_EQ(estimate({"one", "none"}), 1);
  EXPECT_EQ(estimate({"one", "gz"}), 0);
  EXPECT_EQ(estimate({"list"}), 0);
  EXPECT_EQ(estimate({"blank"}), 1);
  files.files["longer"] = lines + std::string(10 * lines.size(), 'x');
  EXPECT_NEAR(static_cast<double>(estimate({"longer"})), 100'000, 50'000);
}

}  // namespace
}  // namespace octet

#include "launch/setup/placement_file.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class PlacementFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) const {
    WriteFile(directory_ + "/" + name, text);
    return directory_ + "/" + name;
  }

  absl::StatusOr<ExpertPlacement> Read(const std::string& spec) {
    return ReadPlacement(files_, spec, {.num_layers = 1, .num_experts = 2, .num_ranks = 3});
  }

  // One sentence.
  std::string Refused(const std::string& spec) {
    const absl::StatusOr<ExpertPlacement> placement = Read(spec);
    EXPECT_FALSE(placement.ok()) << spec;
    const std::string message(placement.status().message());
    EXPECT_THAT(message, testing::StartsWith("--placement "));
    EXPECT_THAT(message, Not(HasSubstr("\n")));
    EXPECT_LT(message.size(), 600U);
    return message;
  }

  const std::string directory_ = TestDirectory();
  PosixFileSystem files_;
};

TEST_F(PlacementFileTest, ReadsTextAndJson) {
  for (const std::string& path :
       {Write("p.textproto", "layers { experts { ranks: 1 } experts { ranks: 2 ranks: 0 } }"),
        Write("p.json", R"({"layers": [{"experts": [{"ranks": [1]}, {"ranks": [2, 0]}]}]})")}) {
    const auto p = Read(path);
    ASSERT_TRUE(p.ok()) << p.status();
    EXPECT_THAT(p->ranks(0, 0), ElementsAre(1));
    EXPECT_THAT(p->ranks(0, 1), ElementsAre(0, 2));
    EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(1));
  }
}

TEST_F(PlacementFileTest, TakesNames) {
  EXPECT_THAT(Read("round-robin")->LocalExperts(0, 1), ElementsAre(1));
  EXPECT_TRUE(Read("random:7").ok());
  EXPECT_THAT(Refused("random:x"), HasSubstr("the seed must be a whole number"));
  EXPECT_THAT(Refused("diagonal"),
              HasSubstr("'diagonal': neither contiguous, round-robin, random:SEED, shares:A,B,..., "
                        "by-memory, eplb or partition "
                        "nor a file"));
  EXPECT_THAT(Refused(std::string(100'000, '9')), HasSubstr("nor a file"));
}

TEST_F(PlacementFileTest, SaysWhatIsWrong) {
  struct Bad {
    const char* text;
    const char* message;
  };
  for (const auto& [text, message] : {
           Bad{"layers { experts { ranks: 0 } }", "layer 0 has 1 experts, the model has 2"},
           Bad{"", "has 0 layers, the model has 1"},
           Bad{"layers {} layers {}", "has 2 layers, the model has 1"},
           Bad{"layers { experts { ranks: 0 } experts { } }", "layer 0, expert 1: needs one"},
           Bad{"layers { experts { ranks: 0 } experts { ranks: 3 } }", "ranks from 0 to 2"},
           Bad{"layers { experts { ranks: -1 } experts { ranks: 2 } }", "layer 0, expert 0"},
           Bad{"layers { experts { ranks: [1, 1] } experts { ranks: 2 } }", "different ranks"},
           Bad{"layers: 7", ":1:9: Expected \"{\", found \"7\"."},
           Bad{"layers {\n  experts { ranks: 99999999999 } }", ":2:"},
           Bad{"layers {\n\n  rows: 1 }", ":3:7: "},
           Bad{"\xff\xfe", ":1:1: this is not UTF-8 text"},
       }) {
    const std::string path = Write("bad.textproto", text);
    EXPECT_THAT(Refused(path), HasSubstr(message)) << text;
    EXPECT_THAT(Refused(path), HasSubstr(path));
  }
}

TEST_F(PlacementFileTest, SaysWhatIsWrongInJson) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"layers\": 1}"),
        std::string("{\"rows\": []}"),
        std::string("{\"layers\": [{\"experts\": [{\"ranks\": [1e99]}]}]}"),
        std::string(100'000, '['), std::string("{\"layers\": [], \"layers\": []}"),
        "{\"" + std::string(10'000, 'x') + "\": 1}",
        "{\"layers\": \"" + std::string(10'000, 'x')}) {
    const std::string path = Write("bad.json", text);
    EXPECT_THAT(Refused(path), HasSubstr(path)) << text.substr(0, 100);
  }
}

TEST_F(PlacementFileTest, ReadsNothingButFilesOfSomeSize) {
  EXPECT_THAT(Refused(directory_), HasSubstr("is a directory"));
  EXPECT_THAT(Refused("/dev/zero"), HasSubstr("is not a regular file"));
  EXPECT_THAT(Refused("/dev/null"), HasSubstr("is not a regular file"));
  const std::string path = Write("large.textproto", "");
  std::filesystem::resize_file(path, uint64_t{1} << 40);
  EXPECT_THAT(Refused(path), HasSubstr("has 1099511627776 bytes; at most 16777216 are read"));
}

TEST_F(PlacementFileTest, MillionsOfLayersAreRefusedSoon) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "layers{}\n";
  EXPECT_THAT(Refused(Write("layers.textproto", text)), HasSubstr("has 100000 layers"));
  text = "layers { experts { ranks: [0";
  for (int i = 0; i < 200'000; ++i) text += ",0";
  EXPECT_THAT(Refused(Write("ranks.textproto", text + "] } experts { ranks: 1 } }")),
              HasSubstr("needs one or more different ranks"));
}

}  // namespace
}  // namespace octet

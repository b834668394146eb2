#include "launch/console/progress.h"

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <thread>

#include "tests/support/json.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class ProgressTest : public testing::Test {
 protected:
  Progress Make(ProgressStyle style) {
    return Progress({style, out_, [this] { return now_; }, [this] { return width_; }});
  }

  // What was written since the last call.
  std::string Written() {
    const std::string text = out_.str();
    out_.str("");
    return text;
  }

  std::vector<std::string> Lines() { return absl::StrSplit(Written(), '\n', absl::SkipEmpty()); }

  // A run of 10 requests a second, from second 1 on, of 20 prompt and 50 generated tokens each.
  RequestCounts Counts(int64_t total = 1000) const {
    const auto done = static_cast<int64_t>((now_ - start_) * 10 + 1e-6);
    return {.done = done,
            .total = total,
            .prompt_tokens = 20 * done,
            .generated_tokens = 50 * done,
            .running = 8,
            .waiting = 16};
  }

  double now_ = 1e6;  // as a steady clock: from any time
  const double start_ = now_;
  int width_ = 100;
  std::ostringstream out_;
};

TEST_F(ProgressTest, PlainLines) {
  Progress progress = Make(ProgressStyle::kPlain);
  for (int i = 0; i <= 20; ++i) {
    now_ = start_ + 0.5 * i;
    progress.Load(1'000'000'000ULL * i, 20'000'000'000ULL);
  }
  progress.EndStage();
  EXPECT_THAT(Lines(), ElementsAre("octet: loading 2.00 of 20.00 GB, 2.00 GB/s, 9 s left",
                                   "octet: loading 6.00 of 20.00 GB, 2.00 GB/s, 7 s left",
                                   "octet: loading 16.00 of 20.00 GB, 2.00 GB/s, 2 s left",
                                   "octet: loaded 20.00 GB in 10 s, 2.00 GB/s"));
}

TEST_F(ProgressTest, SaysWhatWasMapped) {
  Progress progress = Make(ProgressStyle::kPlain);
  now_ += 0.5;
  progress.Load(4'000'000'000, 4'000'000'000);
  progress.SetMapped(3'000'000'000);
  progress.EndStage();
  EXPECT_THAT(Lines(), ElementsAre("octet: loaded 4.00 GB in 0.5 s, 8.00 GB/s, 3.00 GB mapped"));
}

TEST_F(ProgressTest, PlainLinesOfRequests) {
  Progress progress = Make(ProgressStyle::kPlain);
  for (int i = 0; i < 10; ++i) {
    progress.Serve(Counts());
    now_ += 0.5;
  }
  RequestCounts counts = Counts(50);
  counts.total_is_exact = true;
  progress.Serve(counts);
  progress.EndStage();
  progress.EndStage();  // says it once
  EXPECT_THAT(
      Lines(),
      ElementsAre(
          "octet: requests 10 of about 1000 (1 %), tokens/s: 200 prompt, 500 generated "
          "(mean 200, 500), 8 running, 16 waiting, 1 min 39 s left",
          "octet: requests 30 of about 1000 (3 %), tokens/s: 200 prompt, 500 generated "
          "(mean 200, 500), 8 running, 16 waiting, 1 min 37 s left",
          "octet: requests 50 of 50 (100 %) in 5.0 s, tokens/s: 200 prompt, 500 generated"));
}

TEST_F(ProgressTest, WithoutATotalThereIsNoEnd) {
  Progress plain = Make(ProgressStyle::kPlain);
  Progress bar = Make(ProgressStyle::kBar);
  Progress for_programs = Make(ProgressStyle::kJson);
  plain.Serve(Counts(0));
  now_ += 1;
  plain.Serve(Counts(0));
  EXPECT_EQ(Written(),
            "octet: requests 10, tokens/s: 200 prompt, 500 generated (mean 200, 500), 8 running, "
            "16 waiting\n");
  bar.Serve(Counts(0));
  EXPECT_EQ(Written(), "\rrequests 10, 500 tokens/s, prompts 200 tokens/s, 8 running");
  for_programs.Serve(Counts(0));
  const json object = ParseJson(Written());
  EXPECT_EQ(object["total"], nullptr);
  EXPECT_EQ(object["eta_seconds"], nullptr);
}

TEST_F(ProgressTest, LinesComeLessAndLessOften) {
  for (const ProgressStyle style : {ProgressStyle::kPlain, ProgressStyle::kJson}) {
    Progress progress = Make(style);
    std::vector<int> times;
    const double start = now_;
    for (int i = 0; i < 4000; ++i) {
      now_ = start + 0.1 * i;
      progress.Serve(Counts(1'000'000));
      if (!Written().empty()) times.push_back(static_cast<int>(std::lround(now_ - start)));
    }
    EXPECT_THAT(times, ElementsAre(1, 3, 8, 18, 48, 108, 168, 228, 288, 348));
    progress.EndStage();
    EXPECT_THAT(Lines(), testing::SizeIs(1));
  }
}

TEST_F(ProgressTest, BarIsOneLine) {
  Progress progress = Make(ProgressStyle::kBar);
  progress.Load(0, 20'000'000'000);
  EXPECT_EQ(Written(), "\rloading    0 % [                    ] 0.00/20.00 GB, 0.00 GB/s");
  now_ += 2;
  progress.Load(4'000'000'000, 20'000'000'000);
  now_ += 2;
  progress.Load(8'000'000'000, 20'000'000'000);
  EXPECT_EQ(Lines().size(), 1U);
  now_ += 1;
  progress.Load(20'000'000'000, 20'000'000'000);
  progress.EndStage();
  EXPECT_THAT(Written(),
              testing::EndsWith(
                  "\rloading  100 % [====================] 20.00/20.00 GB in 5.0 s, 4.00 GB/s \n"));
  progress.Serve({.total = 1000});
  now_ += 10;
  RequestCounts counts = {.done = 100, .total = 1000, .prompt_tokens = 900, .running = 3};
  counts.generated_tokens = 4000;
  progress.Serve(counts);
  EXPECT_THAT(Written(), testing::EndsWith("\rrequests  10 % [==                  ] 100/~1000, 400 "
                                           "tokens/s, prompts 90 tokens/s, 3 running"));
}

TEST_F(ProgressTest, BarIsDrawnAtMostFiveTimesASecond) {
  Progress progress = Make(ProgressStyle::kBar);
  for (int i = 0; i < 10'000; ++i) {
    progress.Serve(Counts());
    now_ += 0.001;
  }
  const std::string text = Written();
  EXPECT_LE(std::count(text.begin(), text.end(), '\r'), 50);
  EXPECT_GE(std::count(text.begin(), text.end(), '\r'), 45);
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST_F(ProgressTest, BarFitsTheTerminalAndLeavesNothingBehind) {
  for (const int max_width : {0, 1, 5, 20, 40, 60, 61, 80, 120, 300}) {
    Progress progress = Make(ProgressStyle::kBar);
    std::string screen;
    for (int i = 0; i < 200; ++i) {
      width_ = i % 50 == 49 ? max_width / 2 : max_width;  // as when the window is changed
      now_ += 0.3 + i % 7;
      RequestCounts counts = Counts(i % 3 == 0 ? 0 : 1LL << (i % 40));
      if (i % 5 == 0) counts.generated_tokens *= 1'000'000;
      progress.Serve(counts);
      const std::string text = Written();
      ASSERT_EQ(text[0], '\r');
      ASSERT_LE(std::ssize(text) - 1, std::max(width_ - 1, 0)) << text;
      screen.replace(0, std::min(screen.size(), text.size() - 1), text.substr(1));
    }
    // All of the last but blanks is this call's.
    const size_t end = screen.find_last_not_of(' ');
    screen.resize(end == std::string::npos ? 0 : end + 1);
    EXPECT_LE(std::ssize(screen), std::max(max_width - 1, 0));
    progress.EndStage();
    EXPECT_THAT(Written(), testing::EndsWith("\n"));
  }
}

TEST_F(ProgressTest, BarMakesRoomForOthers) {
  Progress progress = Make(ProgressStyle::kBar);
  out_ << "before\n";
  EXPECT_EQ(Written(), "before\n");
  const std::string bar = "\rrequests 0, 0 tokens/s, prompts 0 tokens/s, 8 running";
  progress.Serve(Counts(0));
  EXPECT_EQ(Written(), bar);
  out_ << "octet: note: " << 1 << std::endl;
  EXPECT_EQ(Written(), "\r" + std::string(53, ' ') + "\roctet: note: 1\n");
  out_ << "octet: another\n";
  EXPECT_EQ(Written(), "octet: another\n");
  progress.Serve(Counts(0));  // at once
  EXPECT_EQ(Written(), bar);
}

TEST_F(ProgressTest, BarNeverStandsWithinAnotherLine) {
  Progress progress = Make(ProgressStyle::kBar);
  progress.Serve(Counts(0));
  Written();
  out_ << "begun";
  now_ += 5;
  progress.Serve(Counts(0));
  EXPECT_THAT(Written(), testing::EndsWith("\rbegun"));
  out_ << " and ended\n";
  progress.Serve(Counts(0));
  EXPECT_THAT(Written(), testing::StartsWith(" and ended\n\rrequests "));
}

TEST_F(ProgressTest, ManyThreadsWriteWholeLinesBesideABar) {
  Progress progress = Make(ProgressStyle::kBar);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 200; ++i) out_ << std::string("octet: a note of some thread\n");
    });
  }
  for (int i = 0; i < 200; ++i) progress.Serve(Counts(0));
  for (std::thread& thread : threads) thread.join();
  progress.EndStage();
  int notes = 0;
  for (const auto& line : Lines()) {
    if (line.ends_with("note of some thread")) {
      EXPECT_TRUE(line == "octet: a note of some thread" || line[0] == '\r') << line;
      ++notes;
    }
  }
  EXPECT_EQ(notes, 800);
}

TEST_F(ProgressTest, ABarIsEndedWhateverHappens) {
  {
    Progress progress = Make(ProgressStyle::kBar);
    progress.Load(1, 10);
  }
  EXPECT_THAT(Written(), testing::EndsWith("\n"));
}

TEST_F(ProgressTest, JsonIsForPrograms) {
  Progress progress = Make(ProgressStyle::kJson);
  progress.Load(0, 20'000'000);
  now_ += 2;
  progress.Load(5'000'000, 20'000'000);
  progress.EndStage();
  const double loaded = now_;
  progress.Serve({.total = 100});
  now_ += 4;
  progress.Serve({.done = 10, .total = 100, .prompt_tokens = 8, .generated_tokens = 40});
  now_ += 4;
  progress.Serve({.done = 20,
                  .total = 100,
                  .total_is_exact = true,
                  .prompt_tokens = 16,
                  .generated_tokens = 80,
                  .running = 3,
                  .waiting = 4});
  EXPECT_EQ(now_ - loaded, 8);
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(ParseJson(lines[1]), ParseJson(R"({"stage": "loading", "seconds": 2.0,
      "ended": true, "done": 5000000, "total": 20000000, "bytes_per_s": 2500000.0,
      "eta_seconds": null, "mapped": 0})"));
  EXPECT_EQ(ParseJson(lines[3]), ParseJson(R"({"stage": "requests", "seconds": 8.0,
      "ended": false, "done": 20, "total": 100, "total_is_exact": true, "prompt_tokens": 16,
      "generated_tokens": 80, "prompt_tokens_per_s": 2.0, "generated_tokens_per_s": 10.0,
      "mean_prompt_tokens_per_s": 2.0, "mean_generated_tokens_per_s": 10.0, "running": 3,
      "waiting": 4, "eta_seconds": 32.0})"));
}

TEST_F(ProgressTest, NoneSaysNothing) {
  Progress progress = Make(ProgressStyle::kNone);
  for (int i = 0; i < 100; ++i) {
    progress.Load(i, 100);
    progress.Serve(Counts());
    now_ += 10;
  }
  progress.EndStage();
  EXPECT_EQ(Written(), "");
}

TEST(MakeProgress, ABarNeedsATerminal) {
  const std::optional<Terminal> no_terminal;
  for (const char* setting : {"auto", "plain", "json", "none"}) {
    EXPECT_TRUE(MakeProgress(setting, no_terminal).ok());
  }
  EXPECT_THAT(std::string(MakeProgress("bar", no_terminal).status().message()),
              HasSubstr("--progress bar needs a terminal"));
}

}  // namespace
}  // namespace octet

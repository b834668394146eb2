#include "launch/sweep/sweep_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/memory_file_system.h"
#include "tests/support/sweep_fixture.h"

namespace octet {
namespace {

using testing::HasSubstr;

class SweepJournalTest : public testing::Test {
 protected:
  SweepRun RunOf(int order, const std::string& failure = "") const {
    SweepRun run;
    run.set_order(order);
    run.set_repetition(plan_.turns[order].repetition);
    run.set_point(plan_.points[plan_.turns[order].point].name);
    run.set_failure(failure);
    run.set_answers_hash(~uint64_t{0});
    return run;
  }

  auto Open(bool resume) { return SweepJournal::Open(files_, "d", plan_, resume); }

  void ExpectRefused(bool resume, const std::string& message) {
    const auto journal = Open(resume);
    ASSERT_FALSE(journal.ok());
    EXPECT_THAT(std::string(journal.status().message()), HasSubstr(message));
  }

  SweepPlan plan_ = PlanSweep(SmallSweep());
  MemoryFileSystem files_;
};

TEST_F(SweepJournalTest, KeepsEachRunAndGoesOn) {
  {
    const auto journal = Open(false);
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_TRUE((*journal)->Add(RunOf(0, "exit code 1")).ok());
    ASSERT_TRUE((*journal)->Add(RunOf(2)).ok());
  }
  const auto journal = Open(true);
  ASSERT_TRUE(journal.ok()) << journal.status();
  ASSERT_EQ((*journal)->runs().size(), 2U);
  EXPECT_EQ((*journal)->runs().at(0).failure(), "exit code 1");
  EXPECT_EQ((*journal)->runs().at(2).answers_hash(), ~uint64_t{0});
  ASSERT_TRUE((*journal)->Add(RunOf(0)).ok());  // tried again
  EXPECT_EQ((*journal)->runs().at(0).failure(), "");
  const std::string text = files_.files.at("d/points.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_TRUE(files_.IsFile("d/lock"));
}

TEST_F(SweepJournalTest, RefusesRunsThatItMustNotTouch) {
  { ASSERT_TRUE(Open(false).ok()); }
  ExpectRefused(false, "--output d has runs of this sweep; --resume goes on with them");
  plan_.sweep.set_seed(1);
  ExpectRefused(true, "--output d has runs of another sweep, which is in d/sweep.textproto");
  files_.files.erase("d/sweep.textproto");
  ExpectRefused(true, "d/points.jsonl has runs of a sweep that is not known");
}

TEST_F(SweepJournalTest, OneSweepAtATime) {
  const auto journal = Open(false);
  ASSERT_TRUE(journal.ok());
  ExpectRefused(true, "another octet sweep writes there");
  files_.can_lock = false;
  EXPECT_TRUE(Open(true).ok());
}

TEST_F(SweepJournalTest, DropsALineThatWasTornOff) {
  {
    const auto journal = Open(false);
    ASSERT_TRUE((*journal)->Add(RunOf(0)).ok());
    ASSERT_TRUE((*journal)->Add(RunOf(1)).ok());
  }
  const std::string whole = files_.files.at("d/points.jsonl");
  const size_t second = whole.find('\n') + 1;
  for (size_t bytes = 0; bytes <= whole.size(); bytes += 13) {
    files_.files["d/points.jsonl"] = whole.substr(0, bytes);
    const auto journal = Open(true);
    ASSERT_TRUE(journal.ok()) << bytes << journal.status();
    const size_t runs = bytes < second ? 0 : bytes < whole.size() ? 1 : 2;
    EXPECT_EQ((*journal)->runs().size(), runs) << bytes;
    ASSERT_TRUE((*journal)->Add(RunOf(1)).ok());
    const std::string& text = files_.files.at("d/points.jsonl");
    EXPECT_EQ(std::ranges::count(text, '\n'), std::ssize((*journal)->runs()) + (runs == 2));
  }
}

TEST_F(SweepJournalTest, RefusesDamage) {
  {
    const auto journal = Open(false);
    ASSERT_TRUE((*journal)->Add(RunOf(0)).ok());
  }
  const std::string whole = files_.files.at("d/points.jsonl");
  for (const char* line : {"", "{}", "{\"order\": 99}", "{\"odr\": 1}", "nonsense"}) {
    files_.files["d/points.jsonl"] = whole + line + "\n" + whole;
    ExpectRefused(true, "d/points.jsonl:2: is no run of this sweep");
  }
}

}  // namespace
}  // namespace octet

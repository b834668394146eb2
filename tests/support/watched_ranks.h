// Ranks as threads of a test, of which some stand still.

#ifndef OCTET_TESTS_SUPPORT_WATCHED_RANKS_H_
#define OCTET_TESTS_SUPPORT_WATCHED_RANKS_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "parallel/transport/collectives.h"
#include "tests/support/local_ranks.h"

namespace octet {

// Runs ranks whose watchdogs throw where they would end the process, and keeps what they said.
class WatchedRanksTest : public testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kTimeout{400};
  static constexpr std::chrono::milliseconds kSoon{5000};  // after the timeout

  void Run(const std::vector<std::string>& hosts, const std::function<void(Communicator&)>& f) {
    statements_.clear();
    RunLocalRanks(hosts, [&](Communicator& comm) {
      AllGather(comm, {"setup"}, "");  // it takes a while until all threads run
      comm.watchdog().SetTimeout(kTimeout);
      comm.watchdog().SetReportDirectory(testing::TempDir());
      comm.watchdog().SetEndHandler([&](const std::string& statement) { End(statement); });
      try {
        f(comm);
      } catch (const Ended&) {
      }
    });
  }

  // Stands still, as if stopped, until so many others have ended.
  void StandStill(size_t others) {
    const auto end = Clock::now() + kTimeout + kSoon;
    while (Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const std::lock_guard lock(mutex_);
      if (statements_.size() == others) return;
    }
    ADD_FAILURE() << "the others do not end";
  }

  // By default long enough for a heartbeat.
  static void WorkIn(Communicator& comm, Place place, Clock::duration time = kTimeout / 2) {
    const Activity::Scope scope(comm.watchdog().activity(), place);
    const auto end = Clock::now() + time;
    while (Clock::now() < end) {
      comm.watchdog().activity().Tick();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::mutex mutex_;
  std::vector<std::string> statements_;
  std::function<void()> on_first_end_ = [] {};

 private:
  struct Ended {};

  void End(const std::string& statement) {
    const std::lock_guard lock(mutex_);
    if (statements_.empty()) on_first_end_();
    statements_.push_back(statement);
    throw Ended();
  }
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_WATCHED_RANKS_H_

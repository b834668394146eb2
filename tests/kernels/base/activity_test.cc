#include "kernels/base/activity.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "kernels/cpu/thread_pool.h"

namespace octet {
namespace {

using namespace std::chrono_literals;

TEST(Activity, ScopesNest) {
  Activity activity;
  const Activity::Scope layer(activity, {"norm", 3});
  {
    const Activity::Scope phase(activity, {"attention", 3});
    EXPECT_EQ(Describe(activity.place()), "attention of layer 3");
  }
  EXPECT_EQ(Describe(activity.place()), "norm of layer 3");
  EXPECT_EQ(Describe({"schedule"}), "schedule");
}

TEST(Activity, APlaceIsEnteredOnceUntilItIsLeft) {
  Activity activity;
  std::vector<std::string> entered;
  activity.SetObserver([&](Place place) { entered.push_back(Describe(place)); });
  for (int i = 0; i < 2; ++i) {
    const Activity::Scope whole(activity, {"combine", 1});
    const Activity::Scope part(activity, {"combine", 1});
    const Activity::Scope other(activity, {"combine", 2});
  }
  EXPECT_EQ(entered, (std::vector<std::string>{"combine of layer 1", "combine of layer 2",
                                               "combine of layer 1", "combine of layer 2"}));
}

TEST(Activity, EveryItemOfAPoolIsProgress) {
  ThreadPool pool(3);
  Activity& activity = Activity::OfThisThread();
  const uint64_t before = activity.progress();
  pool.ForEach(100, [](int, int64_t) {});
  EXPECT_EQ(activity.progress(), before + 101) << "the items, and the whole";
}

// The hook may call MPI, which belongs to one thread.
TEST(Activity, TheHookRunsWhenDueOnTheRanksOwnThread) {
  ThreadPool pool(3);
  Activity& activity = Activity::OfThisThread();
  std::vector<std::thread::id> threads;
  activity.SetHook([&] { threads.push_back(std::this_thread::get_id()); }, 10ms);
  pool.ForEach(90, [](int, int64_t) { std::this_thread::sleep_for(1ms); });
  activity.SetHook(nullptr, {});
  EXPECT_GE(threads.size(), 2U);
  EXPECT_LE(threads.size(), 20U);
  for (const std::thread::id& id : threads) EXPECT_EQ(id, std::this_thread::get_id());
}

TEST(Activity, APlaceIsShared) {
  SharedPlace shared;
  Activity activity;
  activity.SetShared(&shared);
  EXPECT_EQ(shared.Describe(), "setup");
  activity.Enter({"experts", 7});
  EXPECT_EQ(shared.Describe(), "experts of layer 7");
  activity.Enter({"a phase of more than twenty-four letters"});
  EXPECT_EQ(shared.Describe(), "a phase of more than twe");
}

TEST(Activity, TheObserverIsToldOfPlacesThatAreEntered) {
  Activity activity;
  std::vector<std::string> entered;
  activity.SetObserver([&](Place place) { entered.push_back(Describe(place)); });
  {
    const Activity::Scope scope(activity, {"loading"});
    const Activity::Scope inner(activity, {"head", 1});
  }
  EXPECT_EQ(entered, (std::vector<std::string>{"loading", "head of layer 1"}));
}

}  // namespace
}  // namespace octet

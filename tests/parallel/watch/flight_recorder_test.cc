#include "parallel/watch/flight_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string Written(const FlightRecorder& recorder, int most) {
  const std::string path = TestDirectory() + "/flight";
  FILE* file = fopen(path.c_str(), "w");
  EXPECT_TRUE(recorder.Write(fileno(file), most));
  fclose(file);
  return ReadFile(path);
}

TEST(FlightRecorderTest, TellsTheLastExchanges) {
  FlightRecorder recorder;
  EXPECT_EQ(Written(recorder, 8), "");
  for (int i = 0; i < 3 * FlightRecorder::kKept; ++i) {
    recorder.Begin("dispatch", {"dispatch", i}, 100 + i);
    recorder.End(200 + i);
  }
  recorder.Begin("control", {"schedule"}, 7);
  recorder.SetLate(std::vector<int>{1, 3, 4, 5, 6, 7, 8, 9, 10, 11});

  const std::string all = Written(recorder, 1000);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), FlightRecorder::kKept);
  const std::string last = Written(recorder, 2);
  EXPECT_THAT(last, ContainsRegex("at [0-9.]+ s dispatch: dispatch of layer 191, 291 B to others, "
                                  "391 B from them, done after 0.0[0-9]+ s\n"));
  EXPECT_THAT(last, ContainsRegex("control: schedule, 7 B to others, not done after [0-9.]+ s; "
                                  "late: rank 1, rank 3, .* rank 9 and 2 more\n$"));
  EXPECT_THAT(all, HasSubstr("layer 150,"));
}

}  // namespace
}  // namespace octet

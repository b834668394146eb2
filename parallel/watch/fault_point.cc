#include "parallel/watch/fault_point.h"

#include <absl/status/status.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/base/number_range.h"

namespace octet {
namespace {

constexpr char kVariable[] = "OCTET_FAULT";

// No signal: the thread does not come back.
constexpr int kHang = -1;

constexpr std::array<const char*, 15> kPhases = {
    "init", "loading",  "routing",  "dispatch", "combine", "attention", "router",  "experts",
    "head", "sampling", "schedule", "results",  "journal", "reading",   "finalize"};

constexpr std::array<std::pair<const char*, int>, 8> kSignals = {{{"STOP", SIGSTOP},
                                                                  {"KILL", SIGKILL},
                                                                  {"TERM", SIGTERM},
                                                                  {"INT", SIGINT},
                                                                  {"HUP", SIGHUP},
                                                                  {"ABRT", SIGABRT},
                                                                  {"SEGV", SIGSEGV},
                                                                  {"HANG", kHang}}};

absl::Status Malformed(std::string_view part) {
  return absl::InvalidArgumentError(
      absl::StrCat(kVariable, ": '", absl::CHexEscape(std::string(part.substr(0, 100))),
                   "' is not understood; an example: rank=1,phase=dispatch,count=3,signal=STOP"));
}

constexpr NumberRange<int> kRanks = {0, kRankCounts.most - 1};
constexpr NumberRange<int> kCounts = {1, std::numeric_limits<int>::max()};

bool SetNumber(NumberRange<int> range, const std::string& text, int& value) {
  const std::optional<int> number = range.Parse(text);
  if (number) value = *number;
  return number.has_value();
}

bool SetField(const std::string& name, const std::string& value, FaultPoint& fault) {
  if (name == "rank") return SetNumber(kRanks, value, fault.rank);
  if (name == "count") return SetNumber(kCounts, value, fault.count);
  if (name == "phase") {
    fault.phase = value;
    return std::find(kPhases.begin(), kPhases.end(), value) != kPhases.end();
  }
  if (name != "signal") return false;
  const auto found = std::find_if(kSignals.begin(), kSignals.end(),
                                  [&](const auto& signal) { return value == signal.first; });
  if (found == kSignals.end()) return false;
  fault.signal = found->second;
  return true;
}

}  // namespace

absl::StatusOr<FaultPoint> FaultPoint::Parse(std::string_view text) {
  FaultPoint fault;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    const size_t equals = part.find('=');
    if (equals == std::string::npos ||
        !SetField(part.substr(0, equals), part.substr(equals + 1), fault)) {
      return Malformed(part);
    }
  }
  if (fault.phase.empty() || fault.signal == 0) return Malformed(text);
  return fault;
}

absl::StatusOr<std::optional<FaultPoint>> FaultPoint::FromEnvironment() {
  const char* text = std::getenv(kVariable);
  if (text == nullptr || *text == 0) return std::nullopt;
  absl::StatusOr<FaultPoint> fault = Parse(text);
  if (!fault.ok()) return fault.status();
  return *std::move(fault);
}

void FaultPoint::Install(Activity& activity) const {
  activity.SetObserver([fault = *this, times = 0](Place place) mutable {
    if (place.phase != fault.phase || ++times != fault.count) return;
    std::fprintf(stderr, "octet: %s: rank %d gets signal %d in %s\n", kVariable, fault.rank,
                 fault.signal, Describe(place).c_str());
    std::fflush(stderr);
    while (fault.signal == kHang) pause();
    kill(getpid(), fault.signal);
  });
}

}  // namespace octet

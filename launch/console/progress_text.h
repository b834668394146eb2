// The progress of a stage of a run, in words.

#ifndef OCTET_LAUNCH_CONSOLE_PROGRESS_TEXT_H_
#define OCTET_LAUNCH_CONSOLE_PROGRESS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

namespace octet {

// The progress of loading this rank's weights.
struct LoadState {
  double seconds = 0;  // since the stage began
  bool ended = false;
  uint64_t done = 0;  // bytes
  uint64_t total = 0;
  double bytes_per_s = 0;  // recent; the mean after the end
  std::optional<double> eta_seconds;
  uint64_t mapped = 0;  // bytes of weights mapped from a pack cache, after the end
};

struct RequestCounts {
  int64_t done = 0;   // answered or refused
  int64_t total = 0;  // 0 if not known
  bool total_is_exact = false;
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
  int64_t running = 0;  // sequences
  int64_t waiting = 0;
};

struct TokenRates {
  double prompt_per_s = 0;
  double generated_per_s = 0;
};

struct RequestState {
  double seconds = 0;
  bool ended = false;
  RequestCounts counts;
  TokenRates recent;
  TokenRates mean;
  std::optional<double> eta_seconds;
};

// Formats a duration in at most two units: "3 min 20 s".
std::string FormatDuration(double seconds);

// Returns a line for a log.
std::string PlainText(const LoadState& state);
std::string PlainText(const RequestState& state);

// Returns a line of at most `width` ASCII characters, with as many parts as fit.
std::string BarText(const LoadState& state, int width);
std::string BarText(const RequestState& state, int width);

// Returns one JSON object on one line.
std::string JsonText(const LoadState& state);
std::string JsonText(const RequestState& state);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_PROGRESS_TEXT_H_

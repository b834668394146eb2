// A note of a failed attempt about its requests.

#ifndef OCTET_RUNTIME_BATCH_FAULT_NOTE_H_
#define OCTET_RUNTIME_BATCH_FAULT_NOTE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace octet {

// A note that a rank of an attempt crashed or stood still. On disk it is a line of text,
//   [reading NUMBER, ]WHO: WHAT
// where WHAT begins with kStoodStill if the rank stood still. NUMBER is the request whose line the
// rank was reading. If several ranks have left a note, the first one counts.
struct FaultNote {
  static constexpr char kReading[] = "reading ";
  static constexpr char kStoodStill[] = "stood still";

  bool stood_still = false;
  std::optional<int64_t> reading;

  // Parses the text of a file, whatever it is.
  static FaultNote Parse(std::string_view text);
};

// The faults of earlier attempts at one request.
struct EarlierFaults {
  int crashes = 0;
  int standstills = 0;
  int in_reading = 0;  // of both, those while its line was read, not while it was computed

  int count() const { return crashes + standstills; }
  void Add(const FaultNote& note);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_FAULT_NOTE_H_

// What an attempt that failed says of the requests that it worked at.

#ifndef OCTET_RUNTIME_BATCH_FAULT_NOTE_H_
#define OCTET_RUNTIME_BATCH_FAULT_NOTE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace octet {

// A rank of an attempt crashed or stood still. On disk it is a line of text,
//   [reading NUMBER, ]WHO: WHAT
// where WHAT begins with kStoodStill if the rank did, and NUMBER is the request whose line it read
// then. Where several ranks have left one, the first counts.
struct FaultNote {
  static constexpr char kReading[] = "reading ";
  static constexpr char kStoodStill[] = "stood still";

  bool stood_still = false;
  std::optional<int64_t> reading;

  // Takes the text of a file, whatever it is.
  static FaultNote Parse(std::string_view text);
};

// What earlier attempts met with at one request.
struct EarlierFaults {
  int crashes = 0;
  int standstills = 0;
  int in_reading = 0;  // of both: while its line was read; the others while it was computed

  int count() const { return crashes + standstills; }
  void Add(const FaultNote& note);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_FAULT_NOTE_H_

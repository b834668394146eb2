#include "runtime/batch/fault_note.h"

#include <absl/strings/numbers.h>

#include <string>

namespace octet {

FaultNote FaultNote::Parse(std::string_view text) {
  FaultNote note;
  std::string_view line = text.substr(0, text.find('\n'));
  const std::string_view reading = kReading;
  if (line.starts_with(reading)) {
    const size_t comma = line.find(", ");
    int64_t number = 0;
    const std::string_view digits = line.substr(0, comma).substr(reading.size());
    if (absl::SimpleAtoi(std::string(digits), &number) && number >= 0) note.reading = number;
  }
  const size_t colon = line.find(": ");
  note.stood_still =
      colon != std::string_view::npos && line.substr(colon + 2).starts_with(kStoodStill);
  return note;
}

void EarlierFaults::Add(const FaultNote& note) {
  ++(note.stood_still ? standstills : crashes);
  if (note.reading) ++in_reading;
}

}  // namespace octet

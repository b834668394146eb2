#include "launch/process/crash_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

#include "kernels/base/check.h"
#include "runtime/batch/fault_note.h"

namespace octet {
namespace {

constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

constexpr int64_t kNothing = -1;

// The note's data, made in advance, because a handler must not allocate.
struct Note {
  std::string path;
  std::string who;
  std::array<struct sigaction, kFaults.size()> before = {};
  std::atomic<int64_t> reading = kNothing;
  std::atomic<bool> stood_still = false;
};

// Writes decimal digits itself, because a handler must not call other functions.
using Digits = std::array<char, 21>;
const char* Decimal(int64_t number, Digits& digits) {
  char* at = &digits.back();
  *at = 0;
  do {
    *--at = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return at;
}

Note& TheNote() {
  static Note note;
  return note;
}

// A line of the note, cut off where it has no more room. It is written by one call: a launcher may
// kill this process at any time.
class NoteLine {
 public:
  void Add(const char* text) {
    while (*text != 0 && size_ < text_.size()) text_[size_++] = *text++;
  }
  void WriteTo(int fd) const {
    [[maybe_unused]] const ssize_t written = write(fd, text_.data(), size_);
  }

 private:
  std::array<char, 1024> text_ = {};
  size_t size_ = 0;
};

void WriteLine(const char* what) {
  const Note& note = TheNote();
  const int fd = open(note.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  const int64_t reading = note.reading;
  Digits digits;
  NoteLine line;
  if (reading != kNothing) {
    for (const char* text : {FaultNote::kReading, Decimal(reading, digits), ", "}) line.Add(text);
  }
  for (const char* text : {note.who.c_str(), ": ", what, "\n"}) line.Add(text);
  line.WriteTo(fd);
  fsync(fd);
  close(fd);
}

const char* FaultName(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

// Writes the line. Then the fault continues as without this handler.
void OnFault(int signal) {
  WriteLine(FaultName(signal));
  for (size_t i = 0; i < kFaults.size(); ++i) {
    if (kFaults[i] == signal) sigaction(signal, &TheNote().before[i], nullptr);
  }
  raise(signal);
}

}  // namespace

void LeaveNoteOnCrash(const std::string& path, const std::string& who) {
  Note& note = TheNote();
  note.path = path;
  note.who = who;
  SetCrashHandler(WriteLine);
  for (size_t i = 0; i < kFaults.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = OnFault;
    sigaction(kFaults[i], &action, &note.before[i]);
  }
}

void LeaveNoteOfStandstill() {
  if (TheNote().path.empty() || TheNote().stood_still.exchange(true)) return;
  WriteLine(FaultNote::kStoodStill);
}

void NoteLineBeingRead(std::optional<int64_t> number) {
  TheNote().reading = number.value_or(kNothing);
}

}  // namespace octet

#include "launch/crash_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "kernels/check.h"

namespace octet {
namespace {

constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// Made before, as a handler may not allocate.
struct Note {
  std::string path;
  std::string who;
  std::array<struct sigaction, kFaults.size()> before = {};
};

Note& TheNote() {
  static Note note;
  return note;
}

void WriteLine(const char* what) {
  const Note& note = TheNote();
  const int fd = open(note.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  for (const char* text : {note.who.c_str(), ": ", what, "\n"}) {
    [[maybe_unused]] const ssize_t written = write(fd, text, std::strlen(text));
  }
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

// Then the fault takes its course, as without this.
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

}  // namespace octet

#include "kernels/base/check.h"

#include <atomic>
#include <cstdlib>
#include <iostream>

namespace octet {
namespace {

std::atomic<FatalHandler> fatal_handler{nullptr};
std::atomic<CrashHandler> crash_handler{nullptr};
thread_local std::string thread_label;

}  // namespace

void SetFatalHandler(FatalHandler handler) { fatal_handler = handler; }

void SetCrashHandler(CrashHandler handler) { crash_handler = handler; }

void SetThreadLabel(const std::string& label) { thread_label = label; }

const std::string& ThreadLabel() { return thread_label; }

void Fatal(const char* file, int line, const std::string& message) {
  const std::string where = thread_label.empty() ? "octet" : "octet: " + thread_label;
  // Through the stream, which knows of a progress bar.
  std::cerr << where + ": " + file + ":" + std::to_string(line) + ": " + message + "\n"
            << std::flush;
  if (const CrashHandler handler = crash_handler) handler(message.c_str());
  EndJob();
}

void EndJob() {
  if (const FatalHandler handler = fatal_handler) handler();
  std::abort();
}

}  // namespace octet

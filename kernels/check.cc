#include "kernels/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

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
  std::fprintf(stderr, "%s: %s:%d: %s\n", where.c_str(), file, line, message.c_str());
  std::fflush(stderr);
  if (const CrashHandler handler = crash_handler) handler(message.c_str());
  EndJob();
}

void EndJob() {
  if (const FatalHandler handler = fatal_handler) handler();
  std::abort();
}

}  // namespace octet

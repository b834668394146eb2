#include "launch/process/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace octet {
namespace {

const int kEndOfThread = SIGRTMIN;

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, kEndOfThread}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

const char* StopName(int signal) {
  switch (signal) {
    case SIGTERM:
      return "TERM";
    case SIGINT:
      return "INT";
    default:
      return "HUP";
  }
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiting_ = std::thread([this] { Wait(); });
}

StopSignals::~StopSignals() {
  pthread_kill(waiting_.native_handle(), kEndOfThread);
  waiting_.join();
}

void StopSignals::SetOnStop(OnStop on_stop) {
  const std::lock_guard lock(mutex_);
  on_stop_ = std::move(on_stop);
}

void StopSignals::Wait() {
  const sigset_t signals = Signals();
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == kEndOfThread) return;
    if (signal == SIGUSR1) {
      ++drain_requests_;
    } else if (signal == SIGUSR2) {
      placement_requested_ = true;
    } else {
      Stop(signal);
    }
  }
}

void StopSignals::Stop(int signal) {
  const std::lock_guard lock(mutex_);
  if (on_stop_) _exit(static_cast<int>(on_stop_(StopName(signal))));
  // Ends the process as if the signal were not caught.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  kill(getpid(), signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

}  // namespace octet

// The reaction of a process to the signals that stop it.

#ifndef OCTET_LAUNCH_PROCESS_STOP_SIGNALS_H_
#define OCTET_LAUNCH_PROCESS_STOP_SIGNALS_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "launch/exit_code.h"

namespace octet {

// The handler of stop signals. TERM, INT and HUP end the process at once, whatever it waits for: a
// launcher leaves it about a second. USR1 asks it to finish what it has begun, a second one to stop
// after this step, USR2 to read its placement again. Make it in main before any other thread: later
// threads then leave these signals to this one.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  // Is called with the signal's name before the process ends, on a thread of its own. The process
  // ends with the result as its exit code. Without a function, it ends as if the signal were not
  // caught.
  using OnStop = std::function<ExitCode(const char* signal)>;
  void SetOnStop(OnStop on_stop);

  // Returns whether USR1 has come.
  bool drain_requested() const { return drain_requests_ > 0; }

  // Returns whether USR1 has come again.
  bool stop_requested() const { return drain_requests_ > 1; }

  // Returns whether USR2 has come since the last call.
  bool TakePlacementRequest() { return placement_requested_.exchange(false); }

 private:
  void Wait();
  void Stop(int signal);

  std::atomic<int> drain_requests_ = 0;
  std::atomic<bool> placement_requested_ = false;
  std::mutex mutex_;
  OnStop on_stop_;
  std::thread waiting_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_STOP_SIGNALS_H_

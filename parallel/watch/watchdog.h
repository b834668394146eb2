// Who keeps the others waiting, and whether that rank still works.

#ifndef OCTET_PARALLEL_WATCH_WATCHDOG_H_
#define OCTET_PARALLEL_WATCH_WATCHDOG_H_

#include <absl/functional/function_ref.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/activity.h"
#include "parallel/watch/flight_recorder.h"
#include "parallel/watch/heartbeat.h"
#include "parallel/watch/peer_states.h"
#include "parallel/watch/process_watch.h"

namespace octet {

// What a rank waits for: a part of the work of each rank of a group.
class PendingPeers {
 public:
  virtual ~PendingPeers() = default;

  // It has not done its part.
  virtual bool is_late(int rank) const = 0;

  // Counts parts of messages that have gone to this rank or come from it.
  virtual int64_t parts_moved(int rank) const = 0;
};

// One for each rank of a world, on the rank's own thread. It tells the others by heartbeats how far
// this rank is, wherever it waits or polls, and hears from them. While this rank waits, another one
// without a sign (PeerStates) for longer than the timeout ends the job: every rank that is alive
// says which it was and where, and ends. Time in which this rank did not listen is not held against
// others. A rank that is slow gives signs; it is reported now and then.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // `channel` connects the ranks on `hosts`, of which this one is number `rank`.
  Watchdog(Activity& activity, std::unique_ptr<HeartbeatChannel> channel, int rank,
           std::span<const std::string> hosts);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  // From now on others wait for this rank's work, which its process watches too. Before, waits end
  // after 60 s.
  void SetTimeout(std::chrono::duration<double> timeout);

  // A slow rank is reported after a wait of this time, then after twice as long, and so on.
  void SetSlowAfter(std::chrono::duration<double> time) {
    slow_after_ = std::chrono::duration_cast<Clock::duration>(time);
  }

  // Where the flight recorder writes when the job is ended: a file in this directory. Empty:
  // standard error.
  void SetReportDirectory(const std::string& directory) { report_directory_ = directory; }

  // Where ranks of this host keep their places, by rank; null elsewhere. What they are said to be
  // doing is then exact, not a heartbeat old. Must outlive this.
  void SetPlaces(std::vector<const SharedPlace*> places) { peers_.SetPlaces(std::move(places)); }

  // Must outlive this.
  void SetProcessWatch(ProcessWatch* process) { process_ = process; }

  // This rank's process, for those who want to know of its standstill; null: nobody watches it.
  ProcessWatch* process_watch() const { return process_; }

  // Called last, with what this rank has said; must not return. EndJob unless set.
  using EndHandler = std::function<void(const std::string& statement)>;
  void SetEndHandler(EndHandler handler) { end_handler_ = std::move(handler); }

  Activity& activity() { return activity_; }
  FlightRecorder& recorder() { return recorder_; }

  // CPU time of heartbeats and judgement, and of the process's watch.
  double cpu_seconds() const;

  // Tells, hears and, while this rank waits, judges; when that is due.
  void Poll();

  // This rank waits, for its lifetime, for `size` ranks from rank `first` of the world on. It polls
  // meanwhile.
  class Wait {
   public:
    Wait(Watchdog& watchdog, const PendingPeers& awaited, int first, int size);
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait();

   private:
    friend class Watchdog;

    Watchdog& watchdog_;
    const PendingPeers& pending_;
    const int first_;
    const int size_;
    const Clock::time_point start_;
    Clock::duration next_note_;
  };

  // Collective: returns when every rank has come here; no heartbeats follow. It has the deadline of
  // an exchange where others wait for this rank's work, otherwise none.
  void Close();

 private:
  class Closing;

  void SetIntervals(Clock::duration timeout);
  void Look(Clock::time_point now);
  void IgnoreUnheardTime(Clock::time_point now);
  void SendHeartbeats(Clock::time_point now);
  Heartbeat MakeHeartbeat() const;

  // Of the wait that this rank is in.
  void NoteMoves(Clock::time_point now);
  void CheckPeers(Clock::time_point now);
  void ReportSlow(Clock::time_point now);
  bool IsLate(int rank) const;  // of the world
  bool IsFirstThatWaits() const;
  int Suspect() const;

  std::string DescribeStalledRanks(const std::vector<int>& ranks,
                                   absl::FunctionRef<std::string(int rank)> verdict) const;
  std::string MissingFrom(int rank) const;
  std::string OwnState(Clock::time_point now) const;
  [[noreturn]] void End(const std::string& reason, Clock::time_point now);
  void WriteRecorder();
  void TellOthers(const std::string& reason, Clock::time_point now);

  Activity& activity_;
  std::unique_ptr<HeartbeatChannel> channel_;
  PeerStates peers_;
  Clock::duration timeout_;
  Clock::duration heartbeat_interval_;
  Clock::duration look_interval_;
  Clock::duration spare_;  // that this rank may not listen, or a host's ranks differ by
  Clock::duration slow_after_ = std::chrono::seconds(10);
  bool watched_ = false;  // others wait for this rank's work
  bool closing_ = false;
  std::string report_directory_;
  ProcessWatch* process_ = nullptr;
  EndHandler end_handler_;
  FlightRecorder recorder_;
  double cpu_seconds_ = 0;

  Clock::time_point last_look_;
  Clock::time_point next_heartbeat_;
  std::string alarm_;           // why another rank ended the job
  Wait* wait_ = nullptr;        // that this rank is in
  std::vector<int64_t> moved_;  // [ranks] parts seen to have moved in it
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_WATCHDOG_H_

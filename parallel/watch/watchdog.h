// Who keeps the others waiting, and whether that rank still works.

#ifndef OCTET_PARALLEL_WATCH_WATCHDOG_H_
#define OCTET_PARALLEL_WATCH_WATCHDOG_H_

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/activity.h"
#include "parallel/watch/closing_peers.h"
#include "parallel/watch/flight_recorder.h"
#include "parallel/watch/heartbeat.h"
#include "parallel/watch/peer_states.h"
#include "parallel/watch/pending_peers.h"
#include "parallel/watch/process_watch.h"

namespace octet {

// One for each rank of a world, on the rank's own thread. It tells its neighbours in a tree of the
// ranks by heartbeats how far this rank is, wherever it waits or polls, and hears from them. A
// neighbour without a sign (PeerStates) for longer than the timeout ends the job: every rank that
// is alive says which it was and where, and ends. Time in which this rank did not listen is not
// held against others. A rank that is slow gives signs; one of its neighbours reports it now and
// then.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // `channel` connects this rank, number `rank` of those on `hosts`, to its neighbours.
  Watchdog(Activity& activity, std::unique_ptr<HeartbeatChannel> channel, int rank,
           std::span<const std::string> hosts, std::vector<TreeNeighbour> neighbours);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  // From now on others wait for this rank's work, which its process watches too, and this rank
  // judges its neighbours wherever it polls. Before, only while it waits, and after 60 s.
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

  // This rank waits, for its lifetime, for ranks of a group that begins at rank `first` of the
  // world. It polls meanwhile.
  class Wait {
   public:
    Wait(Watchdog& watchdog, const PendingPeers& pending, int first);
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait();

   private:
    friend class Watchdog;

    Watchdog& watchdog_;
    const PendingPeers& pending_;
    const int first_;
    const Clock::time_point start_;
    Clock::duration next_note_;
    bool noted_ = false;  // what has moved in it
  };

  // Collective: returns when every rank has come here; no heartbeats follow. It has the deadline of
  // an exchange where others wait for this rank's work, otherwise none.
  void Close();

 private:
  void SetIntervals(Clock::duration timeout);
  void Look(Clock::time_point now);
  void HearAll(Clock::time_point now);
  void IgnoreUnheardTime(Clock::time_point now);
  void SendHeartbeats(Clock::time_point now);
  void SayGoodbye(const ClosingPeers& closing, Clock::time_point now);
  Heartbeat MakeHeartbeat() const;
  void AddNews(int to, Clock::time_point now, Heartbeat& beat) const;

  void CheckNeighbours(Clock::time_point now);

  // These concern the wait that this rank is in.
  void NoteMoves(Clock::time_point now);
  void CheckForDeadlock(Clock::time_point now);
  void ReportSlow(Clock::time_point now);
  std::vector<int> LateRanks() const;  // of the world, ascending
  int Suspect() const;

  std::string Known(int rank) const;
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
  std::vector<bool> said_goodbye_;  // [neighbours] to whom
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
  std::vector<int64_t> moves_;  // [ranks] of use while they are counted
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_WATCHDOG_H_

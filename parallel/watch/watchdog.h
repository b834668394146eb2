// The watchdog that finds a rank for which others wait in vain.

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

// The watchdog of one rank of a world, on the rank's own thread. Wherever this rank waits or polls,
// the watchdog exchanges heartbeats with its neighbours in a tree of the ranks: they say how far
// each rank is. If a neighbour gives no sign (PeerStates) for longer than the timeout, the job
// ends: every rank that is alive says which rank it was and where, and ends. Time in which this
// rank did not listen does not count against others. A slow rank gives signs; one of its neighbours
// reports it from time to time.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // `channel` connects this rank, number `rank` of those on `hosts`, to its neighbours.
  Watchdog(Activity& activity, std::unique_ptr<HeartbeatChannel> channel, int rank,
           std::span<const std::string> hosts, std::vector<TreeNeighbour> neighbours);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  // Sets the timeout. From now on others wait for this rank's work, so that the process watch
  // watches it too, and this rank judges its neighbours wherever it polls. Before this call, it
  // judges them only while it waits, with a timeout of 60 s.
  void SetTimeout(std::chrono::duration<double> timeout);

  // Sets after which wait a slow rank is reported. Further reports come after twice as long, and so
  // on.
  void SetSlowAfter(std::chrono::duration<double> time) {
    slow_after_ = std::chrono::duration_cast<Clock::duration>(time);
  }

  // Sets the directory in which the flight recorder writes a file when the job is ended. If it is
  // empty, the recorder writes to standard error.
  void SetReportDirectory(const std::string& directory) { report_directory_ = directory; }

  // Sets where the ranks of this host keep their places, by rank; null for other ranks. Messages
  // about these ranks are then exact, not a heartbeat old. The places must outlive this object.
  void SetPlaces(std::vector<const SharedPlace*> places) { peers_.SetPlaces(std::move(places)); }

  // `process` must outlive this object.
  void SetProcessWatch(ProcessWatch* process) { process_ = process; }

  // The watch on this rank's process, which knows of its standstill. Null if there is none.
  ProcessWatch* process_watch() const { return process_; }

  // Sets the function that is called last, with what this rank has said. It must not return. The
  // default is EndJob.
  using EndHandler = std::function<void(const std::string& statement)>;
  void SetEndHandler(EndHandler handler) { end_handler_ = std::move(handler); }

  Activity& activity() { return activity_; }
  FlightRecorder& recorder() { return recorder_; }

  // The CPU time of heartbeats and judgement, and of the process watch.
  double cpu_seconds() const;

  // When it is due, sends and receives heartbeats and judges the neighbours. Before SetTimeout, it
  // judges only while this rank waits.
  void Poll();

  // A wait of this rank, for the lifetime of the object, for ranks of a group that begins at rank
  // `first` of the world. The rank must poll meanwhile.
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
    bool noted_ = false;  // NoteMoves was called in this wait
  };

  // Collective: returns when every rank has come here; no heartbeats follow. It has the deadline of
  // an exchange if others wait for this rank's work, otherwise none.
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
  Clock::duration spare_;  // that this rank may not listen, or that ranks of a host differ
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
  Wait* wait_ = nullptr;        // the wait that this rank is in
  std::vector<int64_t> moved_;  // [ranks] parts seen to have moved in it
  std::vector<int64_t> moves_;  // [ranks] scratch of NoteMoves
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_WATCHDOG_H_

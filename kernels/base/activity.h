// The activity of a rank, as the ranks that wait for it see it.

#ifndef OCTET_KERNELS_BASE_ACTIVITY_H_
#define OCTET_KERNELS_BASE_ACTIVITY_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace octet {

// Where a rank is in its work. `phase` is a literal.
struct Place {
  const char* phase;
  int layer = -1;  // none when negative

  bool operator==(const Place& other) const {
    return layer == other.layer && std::strcmp(phase, other.phase) == 0;
  }
};

// "experts of layer 3", "schedule"
std::string Describe(const char* phase, int layer);
inline std::string Describe(Place place) { return Describe(place.phase, place.layer); }

// A place in memory that processes share. One process writes it, and others read it. While it
// changes, they may read a mixture of two places.
class SharedPlace {
 public:
  void Set(Place place);
  std::string Describe() const;

 private:
  static constexpr size_t kPhaseWords = 3;  // of 8 letters; longer phases are cut

  std::array<std::atomic<uint64_t>, kPhaseWords> phase_;
  std::atomic<int64_t> layer_;
};

// One rank's progress and place. The rank's own thread changes the place and polls; any thread
// advances, and may read.
class Activity {
 public:
  // Returns the activity of the rank whose own thread calls. Each thread has one, like the label of
  // check.h. It is not handed down as an argument, because every loop that may take long would need
  // it.
  static Activity& OfThisThread();

  Activity() = default;
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  // Counts some work as done. Any thread may call it.
  void Advance() { progress_.fetch_add(1, std::memory_order_relaxed); }

  // Runs the mover, and the hook when it is due. Call it between two pieces of work, on the rank's
  // own thread.
  void Poll() {
    if (mover_) mover_();
    if (hook_ && Clock::now() >= next_poll_) RunHook();
  }

  void Tick() {
    Advance();
    Poll();
  }

  // Changes the place, until another call changes it.
  void Enter(Place place);

  uint64_t progress() const { return progress_.load(std::memory_order_relaxed); }
  Place place() const {
    return {phase_.load(std::memory_order_relaxed), layer_.load(std::memory_order_relaxed)};
  }

  // Whether the rank waits for other ranks, and polls meanwhile.
  void set_waiting(bool waiting) {
    waiting_.store(waiting, std::memory_order_relaxed);
    if (recorder_) recorder_(place(), waiting);
  }
  bool waiting() const { return waiting_.load(std::memory_order_relaxed); }

  // A scope that enters a place, and returns to the earlier place at its end. Within a scope of the
  // same place, it does not enter the place again.
  class Scope {
   public:
    Scope(Activity& activity, Place place) : activity_(activity), before_(activity.place()) {
      if (place != before_) activity.Enter(place);
    }
    explicit Scope(Place place) : Scope(OfThisThread(), place) {}
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { activity_.Return(before_); }

   private:
    Activity& activity_;
    Place before_;
  };

  // Writes every place to `shared`, too. If null, places are not shared.
  void SetShared(SharedPlace* shared);

  // Sets the function that Poll calls, at most every `interval`. If null, Poll calls none.
  using Hook = std::function<void()>;
  void SetHook(Hook hook, std::chrono::nanoseconds interval);

  // Sets the function that Poll calls each time, so that messages move while the rank works. If
  // null, Poll calls none.
  void SetMover(Hook mover) { mover_ = std::move(mover); }

  // Sets the function that is called with each place that is entered, before any work there. If
  // null, none is called.
  using Observer = std::function<void(Place)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // Sets the function that is called after each change of the place, or of whether the rank waits.
  // If null, none is called.
  using Recorder = std::function<void(Place, bool waiting)>;
  void SetRecorder(Recorder recorder) { recorder_ = std::move(recorder); }

 private:
  using Clock = std::chrono::steady_clock;

  void RunHook();
  void Return(Place place);

  std::atomic<uint64_t> progress_ = 0;
  std::atomic<const char*> phase_ = "setup";
  std::atomic<int> layer_ = -1;
  std::atomic<bool> waiting_ = false;
  SharedPlace* shared_ = nullptr;
  Hook mover_;
  Hook hook_;
  std::chrono::nanoseconds interval_{};
  Clock::time_point next_poll_;
  Observer observer_;
  Recorder recorder_;
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_ACTIVITY_H_

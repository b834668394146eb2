// On which rank a sequence lives: who computes its attention and keeps its KV cache.

#ifndef OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_
#define OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/home_affinity.h"

namespace octet {

enum class HomePolicy {
  kLeastLoaded,  // fewest sequences, then most free pages, then the lowest number
  kRoundRobin,   // the next one after that of the request before
  kAffinity,     // the one with most of the experts that a trace says it will need
};

// As --home names a policy.
struct HomeSetting {
  HomePolicy policy = HomePolicy::kLeastLoaded;
  std::string trace;  // of kAffinity: its path
};

// "least-loaded", which an empty text is too, "round-robin" or "affinity:TRACE".
std::optional<HomeSetting> ParseHomeSetting(const std::string& text);

// What a rank has to do, and may take on.
struct RankLoad {
  int64_t slots = 0;  // sequences that may run at the same time
  int64_t free_pages = 0;
  int64_t num_running = 0;
  int64_t num_preempted = 0;

  // Pages that stay free when another sequence starts, for those that run to grow into: else who
  // starts would be preempted at once.
  static int64_t SparePages(int64_t num_running) { return num_running / 8; }

  bool HasSlot() const { return num_running < slots; }

  // Whether a sequence of so many tokens may start now, as far as pages go.
  bool HasRoom(int64_t num_tokens) const;

  // Who was preempted comes before who is new.
  bool MayStart(int64_t num_tokens) const {
    return HasSlot() && num_preempted == 0 && HasRoom(num_tokens);
  }
};

// Chooses homes of requests, first come, first served: a function of loads and of earlier choices.
// Spans have the ranks' loads as they are now.
class HomeChooser {
 public:
  static constexpr int kNone = -1;  // no rank

  // `affinity` is of HomePolicy::kAffinity, and must outlive this.
  explicit HomeChooser(HomePolicy policy, const HomeAffinity* affinity = nullptr)
      : policy_(policy), affinity_(affinity) {}

  // Loads may have changed since the latest call.
  void BeginStep() { has_candidates_ = false; }

  // Where the request starts now; kNone: it has to wait. A request that names its home waits for
  // that one. In a step the work is proportional to the ranks and the requests that start, and with
  // kAffinity, or with requests that name their homes, to their product.
  int Choose(std::span<const RankLoad> ranks, const NewSequence& request);

  // The request that Choose was called for has started there.
  void Start(std::span<const RankLoad> ranks, int rank);

 private:
  auto WorseRank(std::span<const RankLoad> ranks) const;
  void FindCandidates(std::span<const RankLoad> ranks);
  void AddCandidate(std::span<const RankLoad> ranks, int rank);
  int LeastLoaded(std::span<const RankLoad> ranks, int64_t num_tokens);
  int NextInTurn(std::span<const RankLoad> ranks, int64_t num_tokens) const;
  int Nearest(std::span<const RankLoad> ranks, const NewSequence& request);

  const HomePolicy policy_;
  const HomeAffinity* const affinity_;
  int latest_ = kNone;                // home of the request before
  std::vector<int> candidates_;       // of LeastLoaded: a heap, the best one first
  bool has_candidates_ = false;       // candidates_ are those of the loads now
  bool took_candidate_ = false;       // by the latest Choose
  std::vector<int> passed_over_;      // candidates without room for the request at hand
  std::optional<int64_t> scored_id_;  // the request that scores_ are of
  std::vector<HomeScore> scores_;     // [ranks], or empty
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_

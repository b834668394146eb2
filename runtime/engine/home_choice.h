// The choice of a sequence's home: the rank that computes its attention and keeps its KV cache.

#ifndef OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_
#define OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/home_affinity.h"
#include "runtime/engine/page_pool.h"

namespace octet {

enum class HomePolicy {
  kLeastLoaded,  // the rank with fewest sequences, then most free pages, then lowest number; but
                 // each page that a rank has of the prompt outweighs one sequence
  kRoundRobin,   // the rank after the home of the previous request
  kAffinity,     // the rank with most of the experts that the request needs by a trace
};

// The policy that --home names.
struct HomeSetting {
  HomePolicy policy = HomePolicy::kLeastLoaded;
  std::string trace;  // of kAffinity: the path of the trace
};

// Parses "least-loaded", "round-robin" or "affinity:TRACE". An empty text means "least-loaded".
// Returns nullopt for any other text.
std::optional<HomeSetting> ParseHomeSetting(const std::string& text);

// The load of a rank, and its free capacity.
struct RankLoad {
  int64_t slots = 0;  // sequences that may run at the same time
  int64_t free_pages = 0;
  int64_t num_running = 0;
  int64_t num_preempted = 0;

  // Returns the pages that must stay free when another sequence starts. Running sequences grow into
  // them; without them, the new sequence would be preempted at once.
  static int64_t SparePages(int64_t num_running) { return num_running / 8; }

  bool HasSlot() const { return num_running < slots; }

  // Returns whether a sequence of `num_tokens` tokens may start now, by its pages alone, if others
  // use some of these already.
  bool HasRoom(int64_t num_tokens, const PagePool::Found& found) const;

  // Preempted sequences come before new ones.
  bool MayStart(int64_t num_tokens, const PagePool::Found& found) const {
    return HasSlot() && num_preempted == 0 && HasRoom(num_tokens, found);
  }
};

// A chooser of homes for requests, first come, first served. A choice depends only on loads and
// earlier choices. `ranks` has the current load of each rank.
class HomeChooser {
 public:
  static constexpr int kNone = -1;  // no rank

  // HomePolicy::kAffinity needs `affinity`, which must outlive this object.
  explicit HomeChooser(HomePolicy policy, const HomeAffinity* affinity = nullptr)
      : policy_(policy), affinity_(affinity) {}

  // Begins a step: loads may have changed since the previous one.
  void BeginStep() { has_candidates_ = false; }

  // Returns the rank on which the request starts now, or kNone if it must wait. A request that
  // names its home waits for that rank. found: [ranks] the pages that each rank has of the prompt.
  // The work of a step is proportional to the ranks plus the requests that start. With kAffinity,
  // for requests that name their homes, and for those of whose prompt a rank has pages, it is
  // proportional to their product.
  int Choose(std::span<const RankLoad> ranks, const NewSequence& request,
             std::span<const PagePool::Found> found);

  // Says that the request of the latest Choose has started on `rank`.
  void Start(std::span<const RankLoad> ranks, int rank);

 private:
  bool MayStart(std::span<const RankLoad> ranks, int rank, int64_t num_tokens) const {
    return ranks[rank].MayStart(num_tokens, found_[rank]);
  }
  auto WorseRank(std::span<const RankLoad> ranks) const;
  void FindCandidates(std::span<const RankLoad> ranks);
  void AddCandidate(std::span<const RankLoad> ranks, int rank);
  int LeastLoaded(std::span<const RankLoad> ranks, int64_t num_tokens);
  int NextInTurn(std::span<const RankLoad> ranks, int64_t num_tokens) const;
  int Nearest(std::span<const RankLoad> ranks, const NewSequence& request);
  int LeastLoadedWithPages(std::span<const RankLoad> ranks, int64_t num_tokens) const;

  const HomePolicy policy_;
  const HomeAffinity* const affinity_;
  std::span<const PagePool::Found> found_;  // by the latest Choose
  int latest_ = kNone;                      // home of the previous request
  std::vector<int> candidates_;             // of LeastLoaded: a heap, the best rank first
  bool has_candidates_ = false;             // candidates_ match the current loads
  bool took_candidate_ = false;             // by the latest Choose
  std::vector<int> passed_over_;            // candidates without room for the current request
  std::optional<int64_t> scored_id_;        // the request of scores_
  std::vector<HomeScore> scores_;           // [ranks], or empty
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_HOME_CHOICE_H_

#include "parallel/planner/swap_search.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace octet {
namespace {

class SwapSearch {
 public:
  SwapSearch(LayerSlots slots, std::span<const int64_t> tokens, std::span<const double> speeds)
      : tokens_(tokens),
        speeds_(speeds),
        slots_(std::move(slots)),
        loads_(speeds.size()),
        places_(tokens.size()) {
    for (int32_t r = 0; r < std::ssize(slots_); ++r) {
      for (const int32_t e : slots_[r]) {
        if (!Has(r, e)) places_[e].push_back({r, 0});
      }
    }
    for (size_t e = 0; e < places_.size(); ++e) {
      for (Place& place : places_[e]) {
        place.tokens = static_cast<double>(tokens_[e]) / static_cast<double>(places_[e].size());
        loads_[place.rank] += place.tokens;
      }
    }
  }

  LayerSlots Run() {
    constexpr int kRounds = 100;
    constexpr int kRoundsInVain = 4;
    Level();
    LayerSlots best = slots_;
    double least = TimeOf(Busiest());
    for (int round = 0, in_vain = 0; round < kRounds && in_vain < kRoundsInVain; ++round) {
      for (size_t i = 0; i < 4 * slots_.size() && SwapOnBusiest(); ++i) {
      }
      Level();
      const double time = TimeOf(Busiest());
      ++in_vain;
      if (time >= least) continue;
      if (time < least * (1 - kLittle)) in_vain = 0;
      least = time;
      best = slots_;
    }
    return best;
  }

 private:
  static constexpr double kLittle = 1e-4;

  // A rank of an expert, and the tokens that it takes.
  struct Place {
    int32_t rank;
    double tokens;
  };

  Place* Find(int32_t rank, int32_t expert) {
    const auto found = std::ranges::find(places_[expert], rank, &Place::rank);
    return found == places_[expert].end() ? nullptr : &*found;
  }
  bool Has(int32_t rank, int32_t expert) { return Find(rank, expert) != nullptr; }
  double TimeOf(int32_t rank) const { return loads_[rank] / speeds_[rank]; }

  int32_t Busiest() const {
    int32_t busiest = 0;
    for (int32_t r = 1; r < std::ssize(loads_); ++r) {
      if (TimeOf(r) > TimeOf(busiest)) busiest = r;
    }
    return busiest;
  }

  // The experts with replicas in turn, until little changes.
  void Level() {
    constexpr int kSweeps = 20;
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const double before = TimeOf(Busiest());
      for (std::vector<Place>& places : places_) {
        if (places.size() > 1) LevelRanksOf(places);
      }
      if (TimeOf(Busiest()) > before * (1 - kLittle)) return;
    }
  }

  // The least busy ranks take the tokens, all of them for as long.
  void LevelRanksOf(std::vector<Place>& places) {
    double left = 0;
    for (Place& place : places) {
      left += place.tokens;
      loads_[place.rank] -= std::exchange(place.tokens, 0);
    }
    std::ranges::sort(places, {}, [&](const Place& place) { return TimeOf(place.rank); });
    double speed = 0;
    double others = 0;
    double level = 0;
    size_t takers = 0;
    while (takers < places.size() && (takers == 0 || TimeOf(places[takers].rank) < level)) {
      const int32_t rank = places[takers++].rank;
      speed += speeds_[rank];
      others += loads_[rank];
      level = (left + others) / speed;
    }
    for (size_t i = 0; i < takers; ++i) {
      Place& place = places[i];
      place.tokens = level * speeds_[place.rank] - loads_[place.rank];
      loads_[place.rank] += place.tokens;
    }
  }

  // Returns false if no exchange makes both ranks less busy than the busiest.
  bool SwapOnBusiest() {
    const int32_t busiest = Busiest();
    double least = TimeOf(busiest) * (1 - 1e-9);
    std::pair<int32_t*, int32_t*> best = {nullptr, nullptr};
    int32_t partner = 0;
    for (int32_t& mine : slots_[busiest]) {
      for (int32_t r = 0; r < std::ssize(slots_); ++r) {
        if (r == busiest || Has(r, mine)) continue;
        for (int32_t& theirs : slots_[r]) {
          const double time = TimeAfterSwap(busiest, mine, r, theirs);
          if (time >= least || Has(busiest, theirs)) continue;
          least = time;
          best = {&mine, &theirs};
          partner = r;
        }
      }
    }
    if (best.first == nullptr) return false;
    Swap(busiest, *best.first, partner, *best.second);
    return true;
  }

  // The time of the busier of both.
  double TimeAfterSwap(int32_t a, int32_t of_a, int32_t b, int32_t of_b) {
    const double given = Find(a, of_a)->tokens - Find(b, of_b)->tokens;
    return std::max((loads_[a] - given) / speeds_[a], (loads_[b] + given) / speeds_[b]);
  }

  void Swap(int32_t a, int32_t& of_a, int32_t b, int32_t& of_b) {
    Place& from_a = *Find(a, of_a);
    Place& from_b = *Find(b, of_b);
    const double given = from_a.tokens - from_b.tokens;
    loads_[a] -= given;
    loads_[b] += given;
    from_a.rank = b;
    from_b.rank = a;
    std::swap(of_a, of_b);
  }

  std::span<const int64_t> tokens_;
  std::span<const double> speeds_;
  LayerSlots slots_;
  std::vector<double> loads_;               // [ranks] tokens
  std::vector<std::vector<Place>> places_;  // [experts]
};

}  // namespace

LayerSlots SwapBusiest(LayerSlots slots, std::span<const int64_t> tokens,
                       std::span<const double> speeds) {
  return SwapSearch(std::move(slots), tokens, speeds).Run();
}

}  // namespace octet

#include "parallel/planner/replica_budget.h"

#include <algorithm>

namespace octet {
namespace {

// A piece of a convex hull.
struct Piece {
  int layer;
  int first, last;  // replicas
  double gain;      // for each replica
};

// Returns the falling pieces of the lower hull, steepest first.
std::vector<Piece> PiecesOfHull(const CostOfReplicas& costs, int layer) {
  std::vector<Piece> pieces;
  int from = 0;
  while (true) {
    Piece best = {.layer = layer, .first = from, .last = from, .gain = 0};
    for (int to = from + 1; to < std::ssize(costs); ++to) {
      const double gain = (costs[from] - costs[to]) / (to - from);
      if (gain > best.gain) best = {.layer = layer, .first = from, .last = to, .gain = gain};
    }
    if (best.last == from) return pieces;
    pieces.push_back(best);
    from = best.last;
  }
}

std::vector<Piece> PiecesOfAll(std::span<const CostOfReplicas> costs) {
  std::vector<Piece> all;
  for (int l = 0; l < std::ssize(costs); ++l) {
    const std::vector<Piece> pieces = PiecesOfHull(costs[l], l);
    all.insert(all.end(), pieces.begin(), pieces.end());
  }
  std::ranges::stable_sort(all, [](const Piece& a, const Piece& b) { return a.gain > b.gain; });
  return all;
}

double BoundOf(std::span<const CostOfReplicas> bounds, int budget) {
  double cost = 0;
  for (const CostOfReplicas& of_layer : bounds) cost += of_layer.front();
  for (const Piece& piece : PiecesOfAll(bounds)) {
    const int taken = std::min(budget, piece.last - piece.first);
    cost -= taken * piece.gain;
    budget -= taken;
  }
  return cost;
}

// Gives what is left of the budget to the layers that gain the most, as far as it reaches.
void AddWhatFits(std::span<const CostOfReplicas> costs, int budget, std::vector<int>& replicas) {
  while (true) {
    Piece best = {.layer = -1, .first = 0, .last = 0, .gain = 0};
    for (int l = 0; l < std::ssize(costs); ++l) {
      const int from = replicas[l];
      for (int to = from + 1; to < std::ssize(costs[l]) && to <= from + budget; ++to) {
        const double gain = (costs[l][from] - costs[l][to]) / (to - from);
        if (gain > best.gain) best = {.layer = l, .first = from, .last = to, .gain = gain};
      }
    }
    if (best.layer < 0) return;
    replicas[best.layer] = best.last;
    budget -= best.last - best.first;
  }
}

}  // namespace

ReplicaDivision DivideReplicas(std::span<const CostOfReplicas> costs,
                               std::span<const CostOfReplicas> bounds, int budget) {
  ReplicaDivision division;
  division.replicas.resize(costs.size());
  division.bound = BoundOf(bounds, budget);
  for (const Piece& piece : PiecesOfAll(costs)) {
    // The pieces of a layer come in their order; after one that did not fit, none does.
    if (division.replicas[piece.layer] != piece.first) continue;
    if (piece.last - piece.first > budget) continue;
    division.replicas[piece.layer] = piece.last;
    budget -= piece.last - piece.first;
  }
  AddWhatFits(costs, budget, division.replicas);
  for (size_t l = 0; l < costs.size(); ++l) division.cost += costs[l][division.replicas[l]];
  return division;
}

}  // namespace octet

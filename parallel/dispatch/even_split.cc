#include "parallel/dispatch/even_split.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr int32_t kNotReached = -1;
constexpr int32_t kStart = -2;

}  // namespace

void EvenSplit::Reserve(int num_bins, int64_t num_items, int64_t num_edges) {
  begins_.reserve(num_items + 1);
  rows_.reserve(num_edges);
  for (std::vector<int32_t>* of_edges : {&item_of_, &bin_of_, &edges_of_bin_}) {
    of_edges->reserve(num_edges);
  }
  loads_.reserve(num_bins);
  bin_begins_.reserve(num_bins + 1);
  for (std::vector<int32_t>* of_bins : {&reached_, &from_edge_, &to_edge_}) {
    of_bins->reserve(num_bins);
  }
}

void EvenSplit::Begin(int num_bins) {
  begins_.assign(1, 0);
  item_of_.clear();
  bin_of_.clear();
  rows_.clear();
  loads_.assign(num_bins, 0);
}

void EvenSplit::AddItem(int64_t rows, std::span<const int32_t> bins) {
  OCTET_CHECK(!bins.empty());
  const int64_t item = std::ssize(begins_) - 1;
  const int64_t num_bins = std::ssize(bins);
  for (int64_t i = 0; i < num_bins; ++i) {
    // The remainder goes to different bins for different items.
    const int64_t turn = (i + item) % num_bins;
    const int64_t part = rows / num_bins + (turn < rows % num_bins ? 1 : 0);
    item_of_.push_back(static_cast<int32_t>(item));
    bin_of_.push_back(bins[i]);
    rows_.push_back(part);
    loads_[bins[i]] += part;
  }
  begins_.push_back(std::ssize(rows_));
}

void EvenSplit::Divide() {
  ListEdgesByBin();
  while (true) {
    const auto fullest = std::max_element(loads_.begin(), loads_.end());
    if (fullest == loads_.end()) return;
    if (!Relieve(static_cast<int32_t>(fullest - loads_.begin()))) return;
  }
}

void EvenSplit::ListEdgesByBin() {
  bin_begins_.assign(loads_.size() + 1, 0);
  for (const int32_t bin : bin_of_) ++bin_begins_[bin + 1];
  std::partial_sum(bin_begins_.begin(), bin_begins_.end(), bin_begins_.begin());
  edges_of_bin_.resize(bin_of_.size());
  for (int32_t edge = 0; edge < std::ssize(bin_of_); ++edge) {
    edges_of_bin_[bin_begins_[bin_of_[edge]]++] = edge;
  }
  // Each begin has moved to where the next bin begins.
  std::shift_right(bin_begins_.begin(), bin_begins_.end(), 1);
  bin_begins_[0] = 0;
}

// Moves rows along a path to the emptiest bin that can be reached from `bin`. Returns false if that
// bin has at most one row less. Then all bins that can be reached are that full, and no item that
// has rows in them can go elsewhere: the maximum is the least possible.
bool EvenSplit::Relieve(int32_t bin) {
  Search(bin);
  const int32_t target =
      *std::min_element(reached_.begin(), reached_.end(),
                        [this](int32_t a, int32_t b) { return loads_[a] < loads_[b]; });
  int64_t moved = (loads_[bin] - loads_[target]) / 2;
  if (moved == 0) return false;
  for (int32_t b = target; b != bin; b = bin_of_[from_edge_[b]]) {
    moved = std::min(moved, rows_[from_edge_[b]]);
  }
  for (int32_t b = target; b != bin; b = bin_of_[from_edge_[b]]) {
    rows_[from_edge_[b]] -= moved;
    rows_[to_edge_[b]] += moved;
  }
  loads_[bin] -= moved;
  loads_[target] += moved;
  return true;
}

// Finds the bins that rows of `bin` can reach, breadth first.
void EvenSplit::Search(int32_t bin) {
  from_edge_.assign(loads_.size(), kNotReached);
  to_edge_.resize(loads_.size());
  from_edge_[bin] = kStart;
  reached_.assign(1, bin);
  for (size_t next = 0; next < reached_.size(); ++next) {
    const int32_t from = reached_[next];
    for (int32_t i = bin_begins_[from]; i < bin_begins_[from + 1]; ++i) {
      const int32_t edge = edges_of_bin_[i];
      if (rows_[edge] == 0) continue;
      const int32_t item = item_of_[edge];
      for (int64_t other = begins_[item]; other < begins_[item + 1]; ++other) {
        const int32_t to = bin_of_[other];
        if (from_edge_[to] != kNotReached) continue;
        from_edge_[to] = edge;
        to_edge_[to] = static_cast<int32_t>(other);
        reached_.push_back(to);
      }
    }
  }
}

}  // namespace octet

// An even division of loads over bins.

#ifndef OCTET_PARALLEL_DISPATCH_EVEN_SPLIT_H_
#define OCTET_PARALLEL_DISPATCH_EVEN_SPLIT_H_

#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// A division of items over bins in which the fullest bin has as few rows as possible. An item has
// whole rows, which only some of the bins can take. The division is a flow of least maximum, found
// by paths from the fullest bin to emptier ones. It is the same on every machine. Keeps its memory
// from one split to the next.
class EvenSplit {
 public:
  // Makes room for `num_bins` bins, `num_items` items and `num_edges` edges. A split of at most
  // that size allocates nothing.
  void Reserve(int num_bins, int64_t num_items, int64_t num_edges);

  // Begins a split over bins 0 to num_bins - 1.
  void Begin(int num_bins);

  // bins: ascending, at least one.
  void AddItem(int64_t rows, std::span<const int32_t> bins);

  void Divide();

  // The rows of an item in each of its bins, in the order of the bins.
  std::span<const int64_t> rows(int64_t item) const {
    return std::span(rows_).subspan(begins_[item], begins_[item + 1] - begins_[item]);
  }
  std::span<const int64_t> loads() const { return loads_; }  // [bins]

 private:
  void ListEdgesByBin();
  bool Relieve(int32_t bin);
  void Search(int32_t bin);

  // An edge is an item and one of its bins.
  std::vector<int64_t> begins_;   // [items + 1] of its edges
  std::vector<int32_t> item_of_;  // [edges]
  std::vector<int32_t> bin_of_;   // [edges]
  std::vector<int64_t> rows_;     // [edges]
  std::vector<int64_t> loads_;    // [bins]

  std::vector<int32_t> bin_begins_;    // [bins + 1] of its edges
  std::vector<int32_t> edges_of_bin_;  // [edges], bin by bin

  // The result of a search: the bins that it reached, in order, and for each bin the edge that rows
  // would leave to come to it, and the edge that they would enter.
  std::vector<int32_t> reached_;
  std::vector<int32_t> from_edge_, to_edge_;  // [bins]
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_EVEN_SPLIT_H_

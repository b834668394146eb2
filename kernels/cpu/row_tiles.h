// The division of rows of x into tiles, and their layout there (PackRowsArgs).

#ifndef OCTET_KERNELS_CPU_ROW_TILES_H_
#define OCTET_KERNELS_CPU_ROW_TILES_H_

#include <cstddef>
#include <cstdint>

namespace octet {

// The rows of a tile: as many as fit the registers with the fewest panels that keep them busy.
template <class D>
constexpr int kTileRows = D::Rows(1);

// The division of `rows` into the fewest tiles. Their heights in quanta are nearly equal, and the
// higher tiles come first. Only the last quantum may have fewer rows.
template <class D>
struct Tiles {
  explicit Tiles(int64_t num_rows)
      : rows(num_rows), count((rows + kTileRows<D> - 1) / kTileRows<D>) {
    const int64_t quanta = (rows + D::kRowQuantum - 1) / D::kRowQuantum;
    quanta_each = count == 0 ? 0 : quanta / count;
    num_higher = quanta - count * quanta_each;
  }

  int64_t FirstRow(int64_t t) const {
    const int64_t row = (t * quanta_each + (t < num_higher ? t : num_higher)) * D::kRowQuantum;
    return row < rows ? row : rows;
  }
  int64_t Height(int64_t t) const { return FirstRow(t + 1) - FirstRow(t); }

  int64_t rows;
  int64_t count;
  int64_t quanta_each;  // of the lower tiles
  int64_t num_higher;
};

// The inputs of one row, filled up to whole units.
template <class D>
constexpr int64_t PaddedInputs(int64_t inputs) {
  return (inputs + D::kInputsPerUnit - 1) / D::kInputsPerUnit * D::kInputsPerUnit;
}

// The bytes of one packed row.
template <class D>
constexpr size_t RowBytes(int64_t inputs) {
  return static_cast<size_t>(PaddedInputs<D>(inputs)) * sizeof(typename D::Element);
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ROW_TILES_H_

#include "runtime/checkpoint/weight_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "kernels/base/check.h"

namespace octet {
namespace {

// The bytes that a thread reads before it packs them. They fit its second-level cache.
constexpr uint64_t kStagingBytes = uint64_t{256} << 10;

// The bytes that a thread reads of one weight at a time: about a huge page, so that threads do not
// wait for each other while new memory is cleared.
constexpr uint64_t kRunBytes = uint64_t{2} << 20;

// Returns the number of rows of about `bytes` bytes, in whole panels.
int64_t RowsOf(const WeightPiece& piece, uint64_t bytes) {
  return std::max<int64_t>(1, bytes / piece.row_bytes() / PackedMatrix::kPanel) *
         PackedMatrix::kPanel;
}

// The rows of a dense matrix, one after the other, as floats.
void ToFloats(ConstMatrix from, std::vector<float>& to) {
  to.resize(from.rows * from.cols);
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = ReadFloat(from.data + i * SizeOf(from.dtype), from.dtype);
  }
}

class WeightReader {
 public:
  WeightReader(WeightPacker& packer, LoadCounter& counter)
      : packer_(packer), counter_(counter), staging_(packer_.num_threads()) {}

  absl::Status Read(std::span<const WeightPiece> pieces) {
    struct Run {
      const WeightPiece* piece;
      int64_t first_row;
    };
    std::vector<Run> runs;
    for (const WeightPiece& piece : pieces) {
      counter_.Expect(piece.bytes());
      const int64_t step = RowsOf(piece, kRunBytes);
      for (int64_t row = 0; row < piece.rows(); row += step) runs.push_back({&piece, row});
    }
    packer_.ForEach(std::ssize(runs), [&](int thread, int64_t i) {
      const WeightPiece& piece = *runs[i].piece;
      const int64_t end = std::min(runs[i].first_row + RowsOf(piece, kRunBytes), piece.rows());
      const int64_t step = RowsOf(piece, kStagingBytes);
      for (int64_t row = runs[i].first_row; row < end && !failed_; row += step) {
        NoteFailure(ReadPart(thread, piece, row, std::min(step, end - row)));
      }
    });
    counter_.Tell();
    return status_;
  }

 private:
  struct Staging {
    std::vector<std::byte> read;
    std::vector<float> floats;
  };

  void NoteFailure(const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    status_.Update(status);
    failed_ = true;
  }

  // Reads rows of a piece, from the beginning of a panel on.
  absl::Status ReadPart(int thread, const WeightPiece& piece, int64_t first_row, int64_t num_rows) {
    const TensorSlice& like = *piece.from[0];
    Staging& staging = staging_[thread];
    Matrix rows = {nullptr, like.dtype, num_rows, like.cols, like.cols};
    staging.read.resize(std::max(staging.read.size(), num_rows * rows.row_bytes()));
    rows.data = staging.read.data();
    absl::Status status = ReadRows(piece, first_row, rows);
    if (!status.ok()) return status;
    if (piece.table != nullptr) {
      Write(rows, piece.table->dtype, piece.table->row(first_row), staging.floats);
    }
    if (piece.vector != nullptr) {
      auto* to = reinterpret_cast<std::byte*>(piece.vector->data());
      Write(rows, DType::kF32, to, staging.floats);
    }
    if (piece.packed != nullptr) Pack(piece, first_row, rows);
    counter_.Add(thread, num_rows * piece.row_bytes());
    return status;
  }

  void Write(ConstMatrix rows, DType dtype, std::byte* to, std::vector<float>& floats) {
    if (rows.dtype == dtype) {
      packer_.Write({rows.data, rows.rows * rows.row_bytes()}, to);
    } else {
      ToFloats(rows, floats);
      packer_.Write(std::as_bytes(std::span(floats)), to);
    }
  }

  // Reads as many rows as `to` has from the piece's stacked slices.
  static absl::Status ReadRows(const WeightPiece& piece, int64_t first_row, Matrix to) {
    int64_t slice_begin = 0;
    for (const TensorSlice* slice : piece.from) {
      OCTET_CHECK(slice->dtype == to.dtype) << slice->name;
      const int64_t begin = std::max(first_row, slice_begin);
      const int64_t end = std::min(first_row + to.rows, slice_begin + slice->rows);
      // Rows that are not contiguous in the file are read one by one.
      const int64_t step = slice->interleaved_rows > 0 ? 1 : std::max<int64_t>(end - begin, 1);
      for (int64_t row = begin; row < end; row += step) {
        absl::Status status = slice->file->Read(slice->OffsetOf(row - slice_begin),
                                                {to.row(row - first_row), step * to.row_bytes()});
        if (!status.ok()) return status;
      }
      slice_begin += slice->rows;
    }
    return absl::OkStatus();
  }

  void Pack(const WeightPiece& piece, int64_t first_row, ConstMatrix rows) {
    for (int64_t row = 0; row < rows.rows; row += PackedMatrix::kPanel) {
      const int64_t panel = (first_row + row) / PackedMatrix::kPanel;
      packer_.PackPanel(rows.Rows(row, std::min(PackedMatrix::kPanel, rows.rows - row)),
                        piece.first_panel + panel * piece.panel_step, *piece.packed);
    }
  }

  WeightPacker& packer_;
  LoadCounter& counter_;
  std::vector<Staging> staging_;  // of each thread
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  absl::Status status_;
};

}  // namespace

absl::Status ReadWeights(std::span<const WeightPiece> pieces, WeightPacker& packer,
                         LoadCounter& counter) {
  return WeightReader(packer, counter).Read(pieces);
}

}  // namespace octet

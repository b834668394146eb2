// Weights that are loaded from the checkpoints of tests/golden/hf, and what they hold.

#ifndef OCTET_TESTS_SUPPORT_WEIGHTS_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_WEIGHTS_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/checkpoint/weights.h"
#include "tests/support/rank_model.h"
#include "tests/support/tensor_slice.h"

namespace octet::model_weights {

inline std::string Golden(const std::string& name) {
  return JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name);
}

inline ExpertPlacement PlacementOf(const std::string& spec, const ModelConfig& config,
                                   int num_ranks) {
  return ExpertPlacement::Parse(spec, {config.num_layers, config.num_experts, num_ranks}).value();
}

// Bytes of a packed weight: panels of 16 outputs, and in bfloat16 pairs of inputs.
inline size_t PackedBytes(int64_t rows, int64_t cols, DType dtype) {
  const int64_t inputs = dtype == DType::kBF16 ? (cols + 1) / 2 * 2 : cols;
  return static_cast<size_t>((rows + 15) / 16 * 16 * inputs) * SizeOf(dtype);
}

inline float At(const PackedMatrix& w, int64_t row, int64_t col) {
  const std::byte* panel = w.panel(row / PackedMatrix::kPanel);
  const int64_t lane = row % PackedMatrix::kPanel;
  if (w.format == WeightFormat::kF32) return reinterpret_cast<const float*>(panel)[col * 16 + lane];
  return ToFloat(reinterpret_cast<const BF16*>(panel)[col / 2 * 32 + lane * 2 + col % 2]);
}

// `w` holds these slices one below the other, rounded where it is bfloat16.
inline void ExpectHolds(const PackedMatrix& w, const std::vector<TensorSlice>& slices) {
  int64_t row = 0;
  for (const TensorSlice& slice : slices) {
    ASSERT_EQ(w.cols, slice.cols) << slice.name;
    const std::vector<float> values = ReadFloats(slice);
    for (int64_t i = 0; i < std::ssize(values); ++i) {
      const float expected =
          w.format == WeightFormat::kBF16 ? ToFloat(ToBF16(values[i])) : values[i];
      ASSERT_EQ(At(w, row + i / w.cols, i % w.cols), expected) << slice.name << " " << i;
    }
    row += slice.rows;
  }
  EXPECT_EQ(w.rows, row);
}

struct ByteRange {
  uint64_t begin;
  uint64_t end;
  bool operator==(const ByteRange&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const ByteRange& r) {
  return out << "[" << r.begin << ", " << r.end << ")";
}

// Sorted, neighbours joined. What overlaps is a failure.
inline std::vector<ByteRange> Joined(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> joined;
  for (const ByteRange& range : ranges) {
    const uint64_t end = joined.empty() ? 0 : joined.back().end;
    EXPECT_GE(range.begin, end) << "a byte twice";
    if (!joined.empty() && range.begin == end) {
      joined.back().end = range.end;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

class WeightsTest : public testing::Test {
 protected:
  absl::StatusOr<ModelWeights> Load(const ModelFiles& model, const ExpertPlacement& placement,
                                    int rank, DType dtype = DType::kF32) {
    return LoadWeightsAlone(model.tensors, model.config, placement, rank, *backend_, dtype);
  }

  PosixFileSystem posix_;
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(SupportedIsas().back(), 1);
};

}  // namespace octet::model_weights

#endif  // OCTET_TESTS_SUPPORT_WEIGHTS_FIXTURE_H_

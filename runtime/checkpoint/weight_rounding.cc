#include "runtime/checkpoint/weight_rounding.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/weight_quantiser.h"
#include "kernels/base/weight_rows.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The rows of a tensor in a quantised format, made from its rows when they are read.
class RoundedFile : public RandomAccessFile {
 public:
  RoundedFile(TensorSlice from, WeightFormat format)
      : from_(std::move(from)),
        path_(absl::StrCat(from_.file->path(), ": ", from_.name, " as ", Name(format))),
        format_(format),
        row_bytes_(RowBytes(format, from_.cols)) {}

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size() || out.size() > size() - offset) {
      return absl::OutOfRangeError(
          absl::StrCat(path_, ": ", out.size(), " bytes at ", offset, " are beyond its ", size()));
    }
    std::vector<std::byte> row(row_bytes_);
    while (!out.empty()) {
      absl::Status status = MakeRow(static_cast<int64_t>(offset / row_bytes_), row);
      if (!status.ok()) return status;
      const size_t skipped = offset % row_bytes_;
      const size_t bytes = std::min(row_bytes_ - skipped, out.size());
      std::ranges::copy(std::span(row).subspan(skipped, bytes), out.begin());
      out = out.subspan(bytes);
      offset += bytes;
    }
    return absl::OkStatus();
  }

  uint64_t size() const override { return static_cast<uint64_t>(from_.rows) * row_bytes_; }
  const std::string& path() const override { return path_; }

 private:
  absl::Status MakeRow(int64_t row, std::vector<std::byte>& to) const {
    std::vector<std::byte> stored(from_.row_bytes());
    absl::Status status = from_.file->Read(from_.OffsetOf(row), stored);
    if (!status.ok()) return status;
    std::vector<float> floats(from_.cols);
    RowToFloats({stored.data(), from_.format, 1, from_.cols}, 0, floats.data());
    QuantiseRow(format_, floats, to.data());
    return status;
  }

  const TensorSlice from_;
  const std::string path_;
  const WeightFormat format_;
  const size_t row_bytes_;
};

TensorSlice Rounded(const TensorSlice& from, WeightFormat format, ModelFiles& model) {
  model.made.push_back(std::make_unique<RoundedFile>(from, format));
  return {.file = model.made.back().get(),
          .name = from.name,
          .format = format,
          .rows = from.rows,
          .cols = from.cols};
}

absl::Status CheckWidth(const char* key, int64_t width) {
  if (width % kRunSize == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--weights: ", key, " is ", width, ", which is not a multiple of ", kRunSize));
}

}  // namespace

absl::StatusOr<WeightBits> ParseWeightBits(const std::string& name) {
  if (name.empty() || name == "auto") return WeightBits::kAsStored;
  if (name == "int8") return WeightBits::k8;
  if (name == "int4") return WeightBits::k4;
  return absl::InvalidArgumentError(
      absl::StrCat("--weights ", Quoted(name), ": must be auto, int8 or int4"));
}

absl::Status RoundWeights(WeightBits bits, ModelFiles& model) {
  if (bits == WeightBits::kAsStored) return absl::OkStatus();
  const ModelConfig& c = model.config;
  if (!model.tensors.QuantisedFormats().empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--weights: the model's weights are quantised (",
                                                   NameOfFormats(model.tensors),
                                                   "); they can only stay so"));
  }
  absl::Status status = CheckWidth("hidden_size", c.hidden_size);
  status.Update(CheckWidth("intermediate_size", c.intermediate_size));
  status.Update(CheckWidth("num_heads * head_dim", int64_t{c.num_heads} * c.head_dim));
  if (!status.ok()) return status;
  const WeightFormat format = bits == WeightBits::k8 ? WeightFormat::kQ8_0 : WeightFormat::kQ4_0;
  model.tensors.ReplaceWeights(
      [&](const TensorSlice& from) { return Rounded(from, format, model); });
  if (!c.tie_word_embeddings) {
    model.tensors.ReplaceHead(Rounded(model.tensors.lm_head(), WeightFormat::kQ8_0, model));
  }
  return status;
}

}  // namespace octet

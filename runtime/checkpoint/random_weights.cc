#include "runtime/checkpoint/random_weights.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// config.json of huggingface.co/mistralai/Mixtral-8x7B-v0.1.
ModelConfig Mixtral8x7B() {
  ModelConfig c;  // its defaults are those of that model
  c.max_position_embeddings = 32768;
  return c;
}

// config.json of huggingface.co/mistralai/Mixtral-8x22B-v0.1.
ModelConfig Mixtral8x22B() {
  ModelConfig c;
  c.hidden_size = 6144;
  c.intermediate_size = 16384;
  c.num_layers = 56;
  c.num_heads = 48;
  c.max_position_embeddings = 65536;
  return c;
}

// wyrand's output function (Wang Yi, github.com/wangyi-fudan/wyhash, public domain), with the step
// of its state as the counter: 64 bits from one multiplication.
uint64_t Hash(uint64_t key, uint64_t counter) {
  const uint64_t x = key + counter * 0xa0761d6478bd642fU;
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{x} * (x ^ 0xe7037ed1a0b428dbU);
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

class RandomFile : public RandomAccessFile {
 public:
  RandomFile(const std::string& name, RandomValues values, uint64_t num_elements)
      : path_("random weights of " + name), values_(values), size_(2 * num_elements) {}

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      return absl::OutOfRangeError(
          absl::StrCat(path_, ": ", out.size(), " bytes at ", offset, " are beyond its ", size_));
    }
    Block block;
    while (!out.empty()) {
      MakeBlock(offset / sizeof(block), block);
      const size_t skipped = offset % sizeof(block);
      const size_t bytes = std::min(sizeof(block) - skipped, out.size());
      std::memcpy(out.data(), reinterpret_cast<const std::byte*>(block.data()) + skipped, bytes);
      out = out.subspan(bytes);
      offset += bytes;
    }
    return absl::OkStatus();
  }

  uint64_t size() const override { return size_; }
  const std::string& path() const override { return path_; }

 private:
  static constexpr size_t kBlock = 2048;
  using Block = std::array<uint16_t, kBlock>;  // bfloat16

  // Makes elements [index * kBlock, (index + 1) * kBlock), in two loops that a compiler can
  // vectorize.
  void MakeBlock(uint64_t index, Block& block) const {
    if (values_.limit == 0) {
      block.fill(std::bit_cast<uint32_t>(1.0F) >> 16);
      return;
    }
    std::array<int16_t, kBlock> random;
    for (size_t i = 0; i < kBlock / 4; ++i) {
      const uint64_t four = Hash(values_.key, index * (kBlock / 4) + i);
      std::memcpy(&random[4 * i], &four, sizeof(four));
    }
    const float scale = values_.limit / 32768;
    for (size_t i = 0; i < kBlock; ++i) {
      const float value = (static_cast<float>(random[i]) + 0.5F) * scale;
      block[i] = static_cast<uint16_t>((std::bit_cast<uint32_t>(value) + 0x8000) >> 16);
    }
  }

  std::string path_;
  RandomValues values_;
  uint64_t size_;
};

uint64_t KeyOf(int64_t seed, const std::string& name) {
  Fingerprint fingerprint;
  fingerprint.Add(static_cast<uint64_t>(seed));
  fingerprint.Add(name);
  return fingerprint.value();
}

// Returns the limit for a variance of 1 / inputs.
float LimitFor(double inputs) { return static_cast<float>(std::sqrt(3 / inputs)); }

RandomValues ValuesOf(const std::string& name, int64_t cols, int64_t seed) {
  RandomValues values = {.key = KeyOf(seed, name), .limit = LimitFor(static_cast<double>(cols))};
  if (absl::EndsWith(name, "norm.weight")) values.limit = 0;
  if (absl::EndsWith(name, "embed_tokens.weight")) values.limit = LimitFor(1);
  return values;
}

std::string FingerprintOf(const ModelConfig& c, int64_t seed) {
  Fingerprint fingerprint;
  fingerprint.Add(KeyOf(seed, "random weights"));
  for (const int n : {c.vocab_size, c.hidden_size, c.intermediate_size, c.num_layers, c.num_heads,
                      c.num_kv_heads, c.head_dim, c.num_experts, c.experts_per_token,
                      c.max_position_embeddings, c.sliding_window.value_or(0)}) {
    fingerprint.Add(static_cast<uint64_t>(n));
  }
  fingerprint.Add(std::bit_cast<uint64_t>(c.rope_theta));
  fingerprint.Add(std::bit_cast<uint32_t>(c.rms_norm_eps));
  fingerprint.Add(c.tie_word_embeddings ? 1 : 0);
  for (const float f : RopeFrequencies(c.head_dim, c.rope_theta, c.rope_scaling)) {
    fingerprint.Add(std::bit_cast<uint32_t>(f));
  }
  return fingerprint.ToHex();
}

}  // namespace

absl::StatusOr<ModelConfig> FindShape(const std::string& name) {
  if (name == "mixtral-8x7b") return Mixtral8x7B();
  if (name == "mixtral-8x22b") return Mixtral8x22B();
  return absl::InvalidArgumentError(
      absl::StrCat("--shape ", Quoted(name), ": must be mixtral-8x7b or mixtral-8x22b"));
}

std::unique_ptr<RandomAccessFile> MakeRandomFile(const std::string& name, RandomValues values,
                                                 uint64_t num_elements) {
  return std::make_unique<RandomFile>(name, values, num_elements);
}

ModelFiles MakeRandomModel(const ModelConfig& config, int64_t seed) {
  std::vector<std::unique_ptr<RandomAccessFile>> files;
  MixtralTensors tensors =
      MixtralTensors::Make(config, [&](const std::string& name, int64_t rows, int64_t cols) {
        const auto num_elements = static_cast<uint64_t>(rows * cols);
        files.push_back(MakeRandomFile(name, ValuesOf(name, cols, seed), num_elements));
        return TensorSlice{.file = files.back().get(),
                           .name = name,
                           .format = WeightFormat::kBF16,
                           .offset = 0,
                           .rows = rows,
                           .cols = cols};
      });
  std::vector<std::string> warnings = config.warnings;
  warnings.push_back("the weights are random: what the model says means nothing");
  return ModelFiles{.config = config,
                    .checkpoint = nullptr,
                    .gguf = nullptr,
                    .tensors = std::move(tensors),
                    .tokenizer = nullptr,
                    .fingerprint = FingerprintOf(config, seed),
                    .warnings = std::move(warnings),
                    .made = std::move(files)};
}

}  // namespace octet

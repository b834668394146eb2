#include "runtime/checkpoint/gguf_tensors.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "runtime/checkpoint/tensor_source.h"
#include "runtime/checkpoint/unused_tensors.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// A word in Hugging Face's files, and the one in GGUF.
struct Spelling {
  std::string_view hugging_face;
  const char* gguf;
};

constexpr Spelling kOutside[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
};

// Behind "model.layers.N." and "blk.N.".
constexpr Spelling kInLayer[] = {
    {"input_layernorm.weight", "attn_norm.weight"},
    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},
    {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"},
    {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"block_sparse_moe.gate.weight", "ffn_gate_inp.weight"},
};

constexpr Spelling kOfExpert[] = {{"w1", "ffn_gate"}, {"w2", "ffn_down"}, {"w3", "ffn_up"}};

// The keys that set a dimension.
constexpr Spelling kKeys[] = {
    {"vocab_size", "vocab_size"},
    {"hidden_size", "embedding_length"},
    {"intermediate_size", "feed_forward_length"},
    {"num_local_experts", "expert_count"},
    {"num_attention_heads x head_dim", "attention.head_count x key_length"},
    {"num_key_value_heads x head_dim", "attention.head_count_kv x key_length"},
};

// Tensors that llama.cpp computes with and that Mixtral does not have.
constexpr std::pair<const char*, const char*> kOtherArithmetic[] = {
    {".bias", "a bias"},
    {".scale", "a scale of a weight"},
    {".input_scale", "a scale of inputs"},
    {"rope_freqs.weight", "factors of the rotary frequencies"},
    {"rope_factors_long.weight", "factors of the rotary frequencies"},
    {"rope_factors_short.weight", "factors of the rotary frequencies"},
    {"attn_q_norm.weight", "a norm of queries"},
    {"attn_k_norm.weight", "a norm of keys"},
    {"attn_sinks.weight", "attention sinks"},
    {"exp_probs_b", "a bias of the router"},
    {"_shexp.weight", "a shared expert"},
    {"attn_qkv.weight", "queries, keys and values in one tensor"},
    {"ffn_gate_up_exps.weight", "two weights of experts in one tensor"},
};

template <size_t n>
const char* InGguf(std::string_view word, const Spelling (&spellings)[n]) {
  for (const Spelling& spelling : spellings) {
    if (spelling.hugging_face == word) return spelling.gguf;
  }
  return nullptr;
}

// The tensor of one expert: in a file of its own, or the index-th part of a stacked one.
struct ExpertName {
  std::string own;
  std::string stacked;
  int64_t index = 0;
};

// Takes "model.layers.N.block_sparse_moe.experts.E.w1.weight"; nullopt for another name.
std::optional<ExpertName> ExpertNameOf(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts.size() != 8 || parts[4] != "experts") return std::nullopt;
  const std::string stem = absl::StrCat("blk.", parts[2], ".", InGguf(parts[6], kOfExpert));
  return ExpertName{.own = absl::StrCat(stem, ".", parts[5], ".weight"),
                    .stacked = stem + "_exps.weight",
                    .index = std::stoll(parts[5])};
}

// Returns the GGUF name of a tensor that is no expert's.
std::string NameInGguf(const std::string& name) {
  if (const char* outside = InGguf(name, kOutside)) return outside;
  const std::vector<std::string> parts = absl::StrSplit(name, absl::MaxSplits('.', 3));
  return absl::StrCat("blk.", parts[2], ".", InGguf(parts[3], kInLayer));
}

absl::Status RefuseOtherArithmetic(const GgufModel& model) {
  for (const auto& [file, tensor] : model.tensors()) {
    for (const auto& [ending, meaning] : kOtherArithmetic) {
      if (!absl::EndsWith(tensor->name, ending)) continue;
      return absl::UnimplementedError(
          absl::StrCat(file->file().path(), ": tensor ", Quoted(tensor->name), " is ", meaning,
                       ", with which Octet does not compute: Mixtral has none"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<WeightFormat> StoredFormat(const GgufTensorPlace& place) {
  const GgmlType& type = *place.tensor->type;
  if (type.format) return *type.format;
  return absl::UnimplementedError(absl::StrCat(
      place.file->file().path(), ": tensor ", Quoted(place.tensor->name), " has the type ",
      type.name, "; Octet computes with ",
      absl::StrJoin(
          kWeightFormats, ", ",
          [](std::string* out, WeightFormat format) { absl::StrAppend(out, Name(format)); }),
      " only: give a file of these types"));
}

absl::Status CheckShape(const GgufTensorPlace& place, const std::vector<Dim>& dims) {
  std::vector<uint64_t> shape = place.tensor->shape;
  // Writers leave out outer dimensions of 1.
  if (shape.size() < dims.size()) shape.insert(shape.begin(), dims.size() - shape.size(), 1);
  if (HasDims(shape, dims)) return absl::OkStatus();
  const auto describe = [](std::string* out, const Dim& dim) {
    const char* key = InGguf(dim.config_key, kKeys);
    absl::StrAppend(out, dim.size, " (", key != nullptr ? key : dim.config_key, ")");
  };
  return absl::InvalidArgumentError(absl::StrCat(
      place.file->file().path(), ": tensor ", Quoted(place.tensor->name), " has shape [",
      absl::StrJoin(place.tensor->shape, ", "), "], but the metadata ask for [",
      absl::StrJoin(dims, ", ", describe), "]; convert the model to GGUF anew"));
}

// A source that takes tensors from a GGUF model and notes which.
class GgufSource : public TensorSource {
 public:
  GgufSource(const GgufModel& model, const ModelConfig& config)
      : path_(model.files().front().file().path()), num_experts_(config.num_experts) {
    for (const GgufTensorPlace& place : model.tensors()) places_[place.tensor->name] = place;
  }

  bool fused_experts() const override { return false; }
  bool interleaved_rotary() const override { return true; }
  TensorSlice Take(const std::string& name, const std::vector<Dim>& dims) override;
  const absl::Status& status() const override { return status_; }
  std::vector<std::string> Warnings(const ModelConfig& config) const override;

 private:
  TensorSlice TakeWhole(const std::string& name, const std::vector<Dim>& dims);

  std::string path_;
  int64_t num_experts_;
  std::map<std::string, GgufTensorPlace> places_;
  std::set<std::string> taken_;
  absl::Status status_;
};

TensorSlice GgufSource::Take(const std::string& name, const std::vector<Dim>& dims) {
  if (!status_.ok()) return {};
  const auto expert = ExpertNameOf(name);
  if (!expert) return TakeWhole(NameInGguf(name), dims);
  if (places_.contains(expert->own) && !places_.contains(expert->stacked)) {
    return TakeWhole(expert->own, dims);
  }
  std::vector<Dim> stacked = dims;
  stacked.insert(stacked.begin(), {num_experts_, "num_local_experts"});
  const TensorSlice all = TakeWhole(expert->stacked, stacked);
  if (!status_.ok()) return {};
  return all.Rows(expert->index * RowsOf(dims), RowsOf(dims));
}

TensorSlice GgufSource::TakeWhole(const std::string& name, const std::vector<Dim>& dims) {
  const auto found = places_.find(name);
  if (found == places_.end()) {
    status_ = absl::NotFoundError(
        absl::StrCat(path_, ": has no tensor ", Quoted(name),
                     ", which its metadata ask for; convert the model to GGUF anew"));
    return {};
  }
  const GgufTensorPlace& place = found->second;
  const absl::StatusOr<WeightFormat> format = StoredFormat(place);
  status_.Update(format.status());
  status_.Update(CheckShape(place, dims));
  if (!status_.ok()) return {};
  taken_.insert(name);
  return {.file = &place.file->file(),
          .name = name,
          .format = *format,
          .offset = place.tensor->offset,
          .rows = RowsOf(dims),
          .cols = dims.back().size};
}

std::vector<std::string> GgufSource::Warnings(const ModelConfig& config) const {
  std::vector<std::string> warnings;
  UnusedTensors unused;
  for (const auto& [name, place] : places_) {
    if (!taken_.contains(name)) unused.Add(name, "the model that the metadata describe has none");
  }
  unused.Warn(warnings);
  if (config.tie_word_embeddings) {
    warnings.push_back(
        absl::StrCat(path_, ": has no output.weight, so token_embd.weight is also the head"));
  }
  return warnings;
}

}  // namespace

absl::StatusOr<MixtralTensors> MapGgufTensors(const GgufModel& model, const ModelConfig& config) {
  absl::Status status = RefuseOtherArithmetic(model);
  if (!status.ok()) return status;
  GgufSource source(model, config);
  return MixtralTensors::TakeFrom(source, config);
}

}  // namespace octet

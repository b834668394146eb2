#include "runtime/checkpoint/mixtral_tensors.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <set>
#include <utility>

#include "runtime/checkpoint/tensor_names.h"
#include "runtime/checkpoint/tensor_source.h"
#include "runtime/checkpoint/unused_tensors.h"
#include "runtime/io/strict_json.h"

namespace octet {

namespace {

constexpr char kEmbedTokens[] = "model.embed_tokens.weight";
constexpr char kLmHead[] = "lm_head.weight";

// A source that takes tensors from a checkpoint and notes which.
class CheckpointSource : public TensorSource {
 public:
  CheckpointSource(const Checkpoint& checkpoint, const TensorNames& names)
      : checkpoint_(checkpoint), names_(names) {}

  bool fused_experts() const override { return names_.fused_experts(); }
  bool interleaved_rotary() const override { return names_.interleaved_rotary(); }
  TensorSlice Take(const std::string& name, const std::vector<Dim>& dims) override;
  const absl::Status& status() const override { return status_; }
  std::vector<std::string> Warnings(const ModelConfig& config) const override;

 private:
  const Checkpoint& checkpoint_;
  const TensorNames& names_;
  std::set<std::string> taken_;  // by the checkpoint's names
  absl::Status status_;
};

// A source that makes every tensor that it is asked for.
class MadeSource : public TensorSource {
 public:
  explicit MadeSource(const MakeTensor& make) : make_(make) {}

  bool fused_experts() const override { return false; }
  bool interleaved_rotary() const override { return false; }
  TensorSlice Take(const std::string& name, const std::vector<Dim>& dims) override {
    return make_(name, RowsOf(dims), dims.back().size);
  }
  const absl::Status& status() const override { return status_; }
  std::vector<std::string> Warnings(const ModelConfig&) const override { return {}; }

 private:
  const MakeTensor& make_;
  const absl::Status status_;
};

absl::Status CheckShape(const std::string& where, const SafetensorsTensor& tensor,
                        const std::vector<Dim>& dims) {
  if (HasDims(tensor.shape, dims)) return absl::OkStatus();
  const auto describe = [](std::string* out, const Dim& dim) {
    absl::StrAppend(out, dim.size, " (", dim.config_key, ")");
  };
  return absl::InvalidArgumentError(absl::StrCat(
      where, " has shape [", absl::StrJoin(tensor.shape, ", "), "], but config.json asks for [",
      absl::StrJoin(dims, ", ", describe), "]; the two are not of the same model"));
}

// The endings of tensors that replace a quantised weight, and their formats.
constexpr std::pair<const char*, const char*> kQuantised[] = {
    {".qweight", "GPTQ or AWQ"},     {".qzeros", "GPTQ or AWQ"},       {".absmax", "bitsandbytes"},
    {".SCB", "bitsandbytes"},        {".weight_scale", "quantised"},   {".weight_scale_inv", "FP8"},
    {".weight_packed", "quantised"}, {".weights.scales", "quantised"},
};

// Returns an error that says what the checkpoint has instead of a tensor.
absl::Status MissingTensor(const Checkpoint& checkpoint, const std::string& name) {
  const std::string missing = absl::StrCat(checkpoint.directory(), ": has no tensor ", name);
  const std::vector<std::string> names = checkpoint.Names();
  for (const std::string& there : names) {
    for (const auto& [ending, format] : kQuantised) {
      if (!absl::EndsWith(there, ending)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(missing, ", but ", Quoted(there), ": the weights are ", format,
                       "; use the unquantised checkpoint (BF16, F16 or F32)"));
    }
  }
  const std::string others =
      names.empty() ? "no tensor at all"
                    : absl::StrCat(names.size(), " others, such as ", Quoted(names.front()));
  return absl::NotFoundError(
      absl::StrCat(missing, "; it has ", others,
                   ": the checkpoint is incomplete, or config.json is of another model"));
}

TensorSlice CheckpointSource::Take(const std::string& wanted, const std::vector<Dim>& dims) {
  if (!status_.ok()) return {};
  const std::string name = names_.Spell(wanted);
  const auto found = checkpoint_.Find(name);
  if (!found) {
    status_ = MissingTensor(checkpoint_, name);
    return {};
  }
  const std::string where = absl::StrCat(found->file->path(), ": tensor ", name);
  const auto dtype = ComputableDType(found->tensor->dtype);
  if (!dtype) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(where, " is stored as ", found->tensor->dtype,
                     "; Octet reads F32, BF16 and F16: use the unquantised checkpoint"));
  }
  status_.Update(CheckShape(where, *found->tensor, dims));
  if (!status_.ok()) return {};
  taken_.insert(name);
  return {found->file,           name,         FormatOf(*dtype),
          found->tensor->offset, RowsOf(dims), dims.back().size};
}

LayerTensors TakeLayer(TensorSource& source, const ModelConfig& config, const std::string& layer) {
  const Dim hidden = {config.hidden_size, "hidden_size"};
  const Dim queries = {int64_t{config.num_heads} * config.head_dim,
                       "num_attention_heads x head_dim"};
  const Dim keys = {int64_t{config.num_kv_heads} * config.head_dim,
                    "num_key_value_heads x head_dim"};
  const std::string attention = layer + "self_attn.";
  const std::string gate =
      layer + (source.fused_experts() ? "mlp.gate.weight" : "block_sparse_moe.gate.weight");
  return {
      .input_layernorm = source.Take(layer + "input_layernorm.weight", {hidden}),
      .q_proj = source.Take(attention + "q_proj.weight", {queries, hidden}),
      .k_proj = source.Take(attention + "k_proj.weight", {keys, hidden}),
      .v_proj = source.Take(attention + "v_proj.weight", {keys, hidden}),
      .o_proj = source.Take(attention + "o_proj.weight", {hidden, queries}),
      .post_attention_layernorm = source.Take(layer + "post_attention_layernorm.weight", {hidden}),
      .gate = source.Take(gate, {{config.num_experts, "num_local_experts"}, hidden}),
  };
}

std::vector<ExpertTensors> TakeClassicExperts(TensorSource& source, const ModelConfig& config,
                                              const std::string& layer) {
  const Dim hidden = {config.hidden_size, "hidden_size"};
  const Dim ffn = {config.intermediate_size, "intermediate_size"};
  std::vector<ExpertTensors> experts;
  for (int e = 0; e < config.num_experts && source.status().ok(); ++e) {
    const std::string expert = absl::StrCat(layer, "block_sparse_moe.experts.", e, ".");
    experts.push_back({.w1 = source.Take(expert + "w1.weight", {ffn, hidden}),
                       .w2 = source.Take(expert + "w2.weight", {hidden, ffn}),
                       .w3 = source.Take(expert + "w3.weight", {ffn, hidden})});
  }
  return experts;
}

// gate_up_proj [num_experts, 2 * ffn, hidden]: for each expert the rows of w1, then those of w3.
// down_proj    [num_experts, hidden, ffn]: for each expert w2.
std::vector<ExpertTensors> TakeFusedExperts(TensorSource& source, const ModelConfig& config,
                                            const std::string& layer) {
  const Dim num_experts = {config.num_experts, "num_local_experts"};
  const Dim hidden = {config.hidden_size, "hidden_size"};
  const Dim ffn = {config.intermediate_size, "intermediate_size"};
  const Dim gate_up = {2 * ffn.size, "2 x intermediate_size"};
  const TensorSlice w1_w3 =
      source.Take(layer + "mlp.experts.gate_up_proj", {num_experts, gate_up, hidden});
  const TensorSlice w2 = source.Take(layer + "mlp.experts.down_proj", {num_experts, hidden, ffn});
  std::vector<ExpertTensors> experts;
  for (int64_t e = 0; e < num_experts.size && source.status().ok(); ++e) {
    experts.push_back({.w1 = w1_w3.Rows(e * gate_up.size, ffn.size),
                       .w2 = w2.Rows(e * hidden.size, hidden.size),
                       .w3 = w1_w3.Rows(e * gate_up.size + ffn.size, ffn.size)});
  }
  return experts;
}

std::string WhyUnused(const std::string& name, const ModelConfig& config) {
  if (absl::EndsWith(name, "rotary_emb.inv_freq")) return "harmless: computed from rope_theta";
  if (absl::EndsWith(name, kLmHead) && config.tie_word_embeddings) {
    return absl::StrCat("tie_word_embeddings is true, so ", kEmbedTokens, " is the head");
  }
  return "the model that config.json describes has no such weight";
}

std::vector<std::string> CheckpointSource::Warnings(const ModelConfig& config) const {
  std::vector<std::string> warnings = names_.warnings();
  UnusedTensors unused;
  for (const std::string& name : checkpoint_.Names()) {
    if (!taken_.contains(name)) unused.Add(name, WhyUnused(name, config));
  }
  unused.Warn(warnings);
  return warnings;
}

// Checks that all experts of a layer have the same formats, and w1 and w3 the same, because they
// are multiplied together. All that are not quantised count as one.
absl::Status CheckExpertFormats(const std::vector<ExpertTensors>& experts) {
  const auto kind = [](const TensorSlice& slice) {
    return IsQuantised(slice.format) ? slice.format : WeightFormat::kF32;
  };
  const auto check = [&](const TensorSlice& a, const TensorSlice& b) {
    if (kind(a) == kind(b)) return absl::OkStatus();
    return absl::UnimplementedError(
        absl::StrCat(a.file->path(), ": tensor ", a.name, " is ", Name(a.format), ", but ", b.name,
                     " is ", Name(b.format), "; Octet needs both in one format"));
  };
  const ExpertTensors& first = experts.front();
  for (const ExpertTensors& e : experts) {
    absl::Status status = check(first.w1, e.w1);
    status.Update(check(first.w1, e.w3));
    status.Update(check(first.w2, e.w2));
    // The values between are rounded for both or for none.
    if (IsQuantised(e.w1.format) != IsQuantised(e.w2.format)) status.Update(check(e.w1, e.w2));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

TensorSlice TensorSlice::Rows(int64_t first, int64_t count) const {
  TensorSlice part = *this;
  part.name = absl::StrCat(name, " rows ", first, "-", first + count - 1);
  part.offset += static_cast<uint64_t>(first) * row_bytes();
  part.rows = count;
  return part;
}

MixtralTensors::MixtralTensors(TensorSource& source, const ModelConfig& config) {
  const Dim vocab = {config.vocab_size, "vocab_size"};
  const Dim hidden = {config.hidden_size, "hidden_size"};
  embed_tokens_ = source.Take(kEmbedTokens, {vocab, hidden});
  for (int l = 0; l < config.num_layers && source.status().ok(); ++l) {
    const std::string layer = absl::StrCat("model.layers.", l, ".");
    layers_.push_back(TakeLayer(source, config, layer));
    experts_.push_back(source.fused_experts() ? TakeFusedExperts(source, config, layer)
                                              : TakeClassicExperts(source, config, layer));
  }
  norm_ = source.Take("model.norm.weight", {hidden});
  lm_head_ = config.tie_word_embeddings ? embed_tokens_ : source.Take(kLmHead, {vocab, hidden});
}

MixtralTensors MixtralTensors::Make(const ModelConfig& config, const MakeTensor& make) {
  MadeSource source(make);
  return MixtralTensors(source, config);
}

absl::StatusOr<MixtralTensors> MixtralTensors::TakeFrom(TensorSource& source,
                                                        const ModelConfig& config) {
  MixtralTensors tensors(source, config);
  if (!source.status().ok()) return source.status();
  for (const std::vector<ExpertTensors>& experts : tensors.experts_) {
    const absl::Status status = CheckExpertFormats(experts);
    if (!status.ok()) return status;
  }
  for (LayerTensors& layer : tensors.layers_) {
    if (!source.interleaved_rotary()) break;
    layer.q_proj.interleaved_rows = config.head_dim;
    layer.k_proj.interleaved_rows = config.head_dim;
  }
  tensors.warnings_ = source.Warnings(config);
  return tensors;
}

absl::StatusOr<MixtralTensors> MixtralTensors::Map(const Checkpoint& checkpoint,
                                                   const ModelConfig& config) {
  const auto names = TensorNames::Of(checkpoint);
  if (!names.ok()) return names.status();
  CheckpointSource source(checkpoint, *names);
  return TakeFrom(source, config);
}

std::vector<WeightFormat> MixtralTensors::QuantisedFormats() const {
  std::set<WeightFormat> formats;
  const auto add = [&](std::initializer_list<const TensorSlice*> slices) {
    for (const TensorSlice* slice : slices) {
      if (IsQuantised(slice->format)) formats.insert(slice->format);
    }
  };
  add({&embed_tokens_, &lm_head_});
  for (const LayerTensors& t : layers_) add({&t.q_proj, &t.k_proj, &t.v_proj, &t.o_proj});
  for (const std::vector<ExpertTensors>& layer : experts_) {
    for (const ExpertTensors& t : layer) add({&t.w1, &t.w2, &t.w3});
  }
  return {formats.begin(), formats.end()};
}

void MixtralTensors::ReplaceWeights(const std::function<TensorSlice(const TensorSlice&)>& replace) {
  for (LayerTensors& t : layers_) {
    for (TensorSlice* slice : {&t.q_proj, &t.k_proj, &t.v_proj, &t.o_proj}) {
      *slice = replace(*slice);
    }
  }
  for (std::vector<ExpertTensors>& layer : experts_) {
    for (ExpertTensors& t : layer) {
      for (TensorSlice* slice : {&t.w1, &t.w2, &t.w3}) *slice = replace(*slice);
    }
  }
}

std::string NameOfFormats(const MixtralTensors& tensors) {
  const std::vector<WeightFormat> formats = tensors.QuantisedFormats();
  if (formats.empty()) return Name(ElementType(tensors.embed_tokens().format));
  return absl::StrJoin(formats, "+", [](std::string* out, WeightFormat format) {
    absl::StrAppend(out, Name(format));
  });
}

}  // namespace octet

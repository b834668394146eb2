#include "tests/support/gguf_contents.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <span>

#include "kernels/base/check.h"
#include "runtime/checkpoint/ggml_type.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

constexpr uint32_t kUint32Type = 4;
constexpr uint32_t kInt32Type = 5;
constexpr uint32_t kFloatType = 6;
constexpr uint32_t kBoolType = 7;
constexpr uint32_t kStringType = 8;
constexpr uint32_t kArrayType = 9;

template <typename T>
std::string Elements(const std::vector<T>& values) {
  std::string bytes;
  for (const T& value : values) bytes += LittleEndian(value);
  return bytes;
}

std::string ArrayValue(uint32_t type, uint64_t count, const std::string& elements) {
  return LittleEndian(type) + LittleEndian(count) + elements;
}

// Returns the name in GGUF of a tensor that is no expert's.
std::string GgufName(std::string name) {
  if (name == "lm_head.weight") return "output.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  absl::StrReplaceAll({{"model.layers.", "blk."},
                       {"self_attn.q_proj", "attn_q"},
                       {"self_attn.k_proj", "attn_k"},
                       {"self_attn.v_proj", "attn_v"},
                       {"self_attn.o_proj", "attn_output"},
                       {"post_attention_layernorm", "ffn_norm"},
                       {"input_layernorm", "attn_norm"},
                       {"block_sparse_moe.gate", "ffn_gate_inp"}},
                      &name);
  return name;
}

GgufContents::Tensor Read(const Checkpoint& checkpoint, const std::string& name) {
  const auto found = checkpoint.Find(name);
  OCTET_CHECK(found.has_value()) << name;
  GgufContents::Tensor tensor;
  tensor.dims = {found->tensor->shape.rbegin(), found->tensor->shape.rend()};
  tensor.type = found->tensor->dtype == "F32" ? 0 : found->tensor->dtype == "F16" ? 1 : 30;
  tensor.bytes.resize(found->tensor->bytes);
  const auto bytes = std::as_writable_bytes(std::span(tensor.bytes));
  OCTET_CHECK(found->file->Read(found->tensor->offset, bytes).ok()) << name;
  return tensor;
}

}  // namespace

uint32_t GgmlTypeOf(WeightFormat format) {
  for (uint32_t id = 0; id < 64; ++id) {
    const GgmlType* const type = FindGgmlType(id);
    if (type != nullptr && type->format == format) return id;
  }
  Fatal(__FILE__, __LINE__, "the format is in no file");
}

std::string InterleavedRows(const std::string& bytes, size_t num_rows, size_t head_dim) {
  const size_t row = bytes.size() / num_rows;
  std::string mixed;
  for (size_t head = 0; head < num_rows; head += head_dim) {
    for (size_t i = 0; i < head_dim; ++i) {
      mixed += bytes.substr((head + i / 2 + i % 2 * (head_dim / 2)) * row, row);
    }
  }
  return mixed;
}

void GgufContents::Set(const std::string& key, uint32_t value) {
  entries[key] = {kUint32Type, LittleEndian(value)};
}

void GgufContents::SetFloat(const std::string& key, float value) {
  entries[key] = {kFloatType, LittleEndian(value)};
}

void GgufContents::SetBool(const std::string& key, bool value) {
  entries[key] = {kBoolType, std::string(1, value ? '\1' : '\0')};
}

void GgufContents::SetString(const std::string& key, const std::string& value) {
  entries[key] = {kStringType, GgufString(value)};
}

void GgufContents::SetStrings(const std::string& key, const std::vector<std::string>& values) {
  std::string elements;
  for (const std::string& value : values) elements += GgufString(value);
  entries[key] = {kArrayType, ArrayValue(kStringType, values.size(), elements)};
}

void GgufContents::SetFloats(const std::string& key, const std::vector<float>& values) {
  entries[key] = {kArrayType, ArrayValue(kFloatType, values.size(), Elements(values))};
}

void GgufContents::SetInts(const std::string& key, const std::vector<int32_t>& values) {
  entries[key] = {kArrayType, ArrayValue(kInt32Type, values.size(), Elements(values))};
}

void GgufContents::SetZeros(const std::string& name, const std::vector<uint64_t>& shape) {
  uint64_t elements = 1;
  for (const uint64_t size : shape) elements *= size;
  tensors[name] = {{shape.rbegin(), shape.rend()}, 0, std::string(elements * sizeof(float), '\0')};
}

void GgufContents::SetShape(const ModelConfig& config) {
  const auto set = [&](const char* key, int value) {
    Set(absl::StrCat("llama.", key), static_cast<uint32_t>(value));
  };
  SetString("general.architecture", "llama");
  set("block_count", config.num_layers);
  set("context_length", config.max_position_embeddings);
  set("embedding_length", config.hidden_size);
  set("feed_forward_length", config.intermediate_size);
  set("attention.head_count", config.num_heads);
  set("attention.head_count_kv", config.num_kv_heads);
  set("attention.key_length", config.head_dim);
  set("attention.value_length", config.head_dim);
  set("rope.dimension_count", config.head_dim);
  set("expert_count", config.num_experts);
  set("expert_used_count", config.experts_per_token);
  set("vocab_size", config.vocab_size);
  if (config.sliding_window) set("attention.sliding_window", *config.sliding_window);
  SetFloat("llama.attention.layer_norm_rms_epsilon", config.rms_norm_eps);
  SetFloat("llama.rope.freq_base", static_cast<float>(config.rope_theta));
}

void GgufContents::SetTokenizer(const sentencepiece::ModelProto& model) {
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;
  for (const auto& piece : model.pieces()) {
    tokens.push_back(piece.piece());
    scores.push_back(piece.score());
    types.push_back(piece.type());
  }
  SetString("tokenizer.ggml.model", "llama");
  SetString("tokenizer.ggml.pre", "default");
  SetStrings("tokenizer.ggml.tokens", tokens);
  SetFloats("tokenizer.ggml.scores", scores);
  SetInts("tokenizer.ggml.token_type", types);
  Set("tokenizer.ggml.bos_token_id", 1);
  Set("tokenizer.ggml.eos_token_id", 2);
  Set("tokenizer.ggml.unknown_token_id", 0);
  SetBool("tokenizer.ggml.add_space_prefix", model.normalizer_spec().add_dummy_prefix());
}

void GgufContents::SetWeights(const Checkpoint& checkpoint, const ModelConfig& config,
                              bool stacked_experts) {
  for (const std::string& name : checkpoint.Names()) {
    if (absl::StrContains(name, ".experts.")) continue;
    Tensor tensor = Read(checkpoint, name);
    if (absl::StrContains(name, "q_proj") || absl::StrContains(name, "k_proj")) {
      tensor.bytes = InterleavedRows(tensor.bytes, tensor.dims[1], config.head_dim);
    }
    tensors[GgufName(name)] = std::move(tensor);
  }
  constexpr std::pair<const char*, const char*> kWeights[] = {
      {"w1", "ffn_gate"}, {"w2", "ffn_down"}, {"w3", "ffn_up"}};
  for (int l = 0; l < config.num_layers; ++l) {
    for (const auto& [from, to] : kWeights) {
      const std::string stem = absl::StrCat("blk.", l, ".", to);
      for (int e = 0; e < config.num_experts; ++e) {
        Tensor one = Read(checkpoint, absl::StrCat("model.layers.", l, ".block_sparse_moe.experts.",
                                                   e, ".", from, ".weight"));
        if (!stacked_experts) {
          tensors[absl::StrCat(stem, ".", e, ".weight")] = std::move(one);
          continue;
        }
        Tensor& all = tensors[stem + "_exps.weight"];
        all.dims = {one.dims[0], one.dims[1], static_cast<uint64_t>(config.num_experts)};
        all.type = one.type;
        all.bytes += one.bytes;
      }
    }
  }
}

std::string GgufContents::Bytes() const {
  GgufWriter writer;
  for (const auto& [key, entry] : entries) writer.Add(key, entry.type, entry.value);
  for (const auto& [name, tensor] : tensors) {
    writer.AddTensor(name, tensor.dims, tensor.type, tensor.bytes);
  }
  return writer.Bytes();
}

std::vector<std::string> GgufContents::Parts(int count) const {
  std::vector<GgufWriter> writers(count);
  for (int i = 0; i < count; ++i) {
    writers[i].AddSplit(static_cast<uint16_t>(i), static_cast<uint16_t>(count),
                        static_cast<int32_t>(tensors.size()));
  }
  for (const auto& [key, entry] : entries) writers[0].Add(key, entry.type, entry.value);
  int next = 0;
  for (const auto& [name, tensor] : tensors) {
    writers[next++ % count].AddTensor(name, tensor.dims, tensor.type, tensor.bytes);
  }
  std::vector<std::string> parts;
  parts.reserve(writers.size());
  for (const GgufWriter& writer : writers) parts.push_back(writer.Bytes());
  return parts;
}

GgufContents TinyGguf() {
  const sentencepiece::ModelProto pieces = BareModel(/*byte_fallback=*/true);
  ModelConfig config;
  config.vocab_size = pieces.pieces_size();
  config.hidden_size = 4;
  config.intermediate_size = 3;
  config.num_layers = 1;
  config.num_heads = 2;
  config.num_kv_heads = 1;
  config.head_dim = 2;
  config.num_experts = 2;
  config.max_position_embeddings = 64;
  const auto vocabulary = static_cast<uint64_t>(config.vocab_size);
  GgufContents tiny;
  tiny.SetShape(config);
  tiny.SetTokenizer(pieces);
  tiny.SetZeros("token_embd.weight", {vocabulary, 4});
  tiny.SetZeros("output_norm.weight", {4});
  tiny.SetZeros("output.weight", {vocabulary, 4});
  tiny.SetZeros("blk.0.attn_norm.weight", {4});
  tiny.SetZeros("blk.0.attn_q.weight", {4, 4});
  tiny.SetZeros("blk.0.attn_k.weight", {2, 4});
  tiny.SetZeros("blk.0.attn_v.weight", {2, 4});
  tiny.SetZeros("blk.0.attn_output.weight", {4, 4});
  tiny.SetZeros("blk.0.ffn_norm.weight", {4});
  tiny.SetZeros("blk.0.ffn_gate_inp.weight", {2, 4});
  tiny.SetZeros("blk.0.ffn_gate_exps.weight", {2, 3, 4});
  tiny.SetZeros("blk.0.ffn_down_exps.weight", {2, 4, 3});
  tiny.SetZeros("blk.0.ffn_up_exps.weight", {2, 3, 4});
  return tiny;
}

}  // namespace octet

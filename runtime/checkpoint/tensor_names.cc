#include "runtime/checkpoint/tensor_names.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <set>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr char kBody[] = "model.";
constexpr char kEmbedding[] = "embed_tokens.weight";
constexpr char kHead[] = "lm_head.weight";
constexpr char kMistralEmbedding[] = "tok_embeddings.weight";

absl::Status RefuseAdapter(const Checkpoint& checkpoint, const std::vector<std::string>& names) {
  const auto found = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return absl::StartsWith(name, "base_model.model.") || absl::StrContains(name, ".lora_");
  });
  if (found == names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      checkpoint.directory(), ": has tensors of a peft adapter, such as ", Quoted(*found),
      "; merge it into its model (peft: merge_and_unload) and save that"));
}

// Returns whether the experts are fused. A checkpoint that has both forms is an error.
absl::StatusOr<bool> HasFusedExperts(const Checkpoint& checkpoint,
                                     const std::vector<std::string>& names) {
  const std::string* classic = nullptr;
  const std::string* fused = nullptr;
  for (const std::string& name : names) {
    if (absl::StrContains(name, ".block_sparse_moe.")) classic = &name;
    if (absl::StrContains(name, ".mlp.experts.") || absl::StrContains(name, ".mlp.gate."))
      fused = &name;
  }
  if (classic == nullptr || fused == nullptr) return fused != nullptr;
  return absl::InvalidArgumentError(absl::StrCat(
      checkpoint.directory(), ": mixes two ways of naming experts, ", Quoted(*classic), " and ",
      Quoted(*fused), "; save the checkpoint anew with one version of transformers"));
}

// Returns Mistral's spelling of `name`, without "model.".
std::string MistralName(const std::string& name) {
  if (name == kHead) return "output.weight";
  const std::string body = name.substr(std::string_view(kBody).size());
  if (body == kEmbedding) return kMistralEmbedding;
  return absl::StrReplaceAll(body, {{".input_layernorm.", ".attention_norm."},
                                    {".post_attention_layernorm.", ".ffn_norm."},
                                    {".self_attn.q_proj.", ".attention.wq."},
                                    {".self_attn.k_proj.", ".attention.wk."},
                                    {".self_attn.v_proj.", ".attention.wv."},
                                    {".self_attn.o_proj.", ".attention.wo."},
                                    {".block_sparse_moe.", ".feed_forward."}});
}

}  // namespace

std::optional<std::string> TensorNames::FindBody(const Checkpoint& checkpoint) {
  if (checkpoint.Find(absl::StrCat(kBody, kEmbedding))) return kBody;
  std::set<std::string> bodies;
  for (const std::string& name : checkpoint.Names()) {
    if (name != kEmbedding && !absl::EndsWith(name, absl::StrCat(".", kEmbedding))) continue;
    bodies.insert(name.substr(0, name.size() - std::string_view(kEmbedding).size()));
  }
  return bodies.size() == 1 ? std::optional(*bodies.begin()) : std::nullopt;
}

// Sets the names of the body and the head. The head is beside the body, or at the top.
void TensorNames::SetBody(const Checkpoint& checkpoint, const std::string& body) {
  if (body == kBody) return;
  body_ = body;
  const std::string outer = absl::EndsWith(body, kBody)
                                ? body.substr(0, body.size() - std::string_view(kBody).size())
                                : body;
  for (const std::string& head : {outer + kHead, body + kHead}) {
    if (checkpoint.Find(kHead) || !checkpoint.Find(head)) continue;
    lm_head_ = head;
    break;
  }
  warnings_.push_back(
      absl::StrCat(checkpoint.directory(), ": its tensors have ",
                   body.empty() ? "no prefix" : absl::StrCat("the prefix ", Quoted(body)),
                   " in place of 'model.'; they are read as the model's"));
}

absl::StatusOr<TensorNames> TensorNames::Of(const Checkpoint& checkpoint) {
  const std::vector<std::string> all = checkpoint.Names();
  const absl::Status status = RefuseAdapter(checkpoint, all);
  if (!status.ok()) return status;
  const auto fused = HasFusedExperts(checkpoint, all);
  if (!fused.ok()) return fused.status();
  TensorNames names;
  names.fused_experts_ = *fused;
  if (const auto body = FindBody(checkpoint)) {
    names.SetBody(checkpoint, *body);
  } else {
    names.consolidated_ = checkpoint.Find(kMistralEmbedding).has_value();
  }
  return names;
}

std::string TensorNames::Spell(const std::string& name) const {
  if (consolidated_) return MistralName(name);
  if (name == kHead) return lm_head_;
  return body_ + name.substr(std::string_view(kBody).size());
}

}  // namespace octet

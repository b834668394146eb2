#include "launch/inspect/inspect.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <iostream>
#include <optional>
#include <vector>

#include "kernels/base/number_range.h"
#include "launch/console/console.h"
#include "launch/inspect/inspect_gguf.h"
#include "launch/inspect/tensor_table.h"
#include "launch/setup/engine_choice.h"
#include "launch/setup/memory_plan.h"
#include "launch/setup/placement_choice.h"
#include "launch/setup/placement_file.h"
#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/gguf_model_files.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/checkpoint/model_path.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

std::string FormatTensors(const Checkpoint& checkpoint) {
  TensorTable table;
  for (const std::string& name : checkpoint.Names()) {
    const CheckpointTensor found = *checkpoint.Find(name);
    const SafetensorsTensor& t = *found.tensor;
    table.Add(name, t.dtype, t.shape, t.bytes, found.file->path());
  }
  return table.ToString(checkpoint.files().size());
}

std::string FormatScaling(const RopeScaling& scaling) {
  if (scaling.type == RopeScaling::Type::kNone) return "";
  return absl::StrCat(", angles stretched as ", Name(scaling.type), " by ", scaling.factor);
}

std::string FormatConfig(const ModelConfig& c) {
  const std::string eos = c.eos_token_ids.empty() ? "none" : absl::StrJoin(c.eos_token_ids, ", ");
  return absl::StrCat(
      "\nMixtral: ", c.num_layers, " layers, hidden size ", c.hidden_size, ", ", c.num_experts,
      " experts of ", c.intermediate_size, ", ", c.experts_per_token, " for each token\n",
      "  attention: ", c.num_heads, " heads of ", c.head_dim, ", ", c.num_kv_heads,
      " key-value heads, ",
      c.sliding_window ? absl::StrCat("window of ", *c.sliding_window) : "no window",
      ", rope_theta ", c.rope_theta, FormatScaling(c.rope_scaling), "\n", "  vocabulary ",
      c.vocab_size, c.tie_word_embeddings ? ", head tied to the embedding" : "",
      ", end of sequence ", eos, ", at most ", c.max_position_embeddings, " positions\n");
}

absl::StatusOr<std::string> FormatMemory(FileSystem& files, const MixtralTensors& tensors,
                                         const ModelConfig& config, const InspectOptions& o) {
  const absl::StatusOr<DType> dtype = ChooseDType(o.dtype, tensors);
  if (!dtype.ok()) return dtype.status();
  const absl::StatusOr<ExpertPlacement> placement =
      MakePlacement(files, o.placement, {config.num_layers, config.num_experts, o.ranks});
  if (!placement.ok()) return placement.status();
  const auto bytes = [](size_t n) { return FormatGiB(static_cast<int64_t>(n)); };
  std::string text =
      absl::StrCat("\nmemory as ", Name(*dtype), " on ", o.ranks, o.ranks == 1 ? " rank" : " ranks",
                   ", placement ", o.placement.placement, "\n  ",
                   bytes(ReplicatedMemoryBytes(tensors, config, *dtype)),
                   " of replicated weights, once on each host\n  ",
                   KvCache::PageBytes(config, *dtype) / kKvBlock, " bytes of KV cache a token\n");
  const std::vector<ExpertFormats> formats = FormatsOfExperts(tensors, config, *dtype);
  for (int r = 0; r < o.ranks; ++r) {
    size_t experts = 0;
    for (int l = 0; l < config.num_layers; ++l) experts += placement->LocalExperts(l, r).size();
    absl::StrAppend(&text, "  rank ", r, ": ",
                    bytes(ExpertMemoryBytes(config, formats, *placement, r)), " of experts, ",
                    experts, " in all layers\n");
  }
  const std::vector<int> idle = placement->IdleRanks();
  if (!idle.empty()) absl::StrAppend(&text, "  note: ", DescribeIdleRanks(idle), "\n");
  return text;
}

std::string FormatNotes(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) absl::StrAppend(&text, "note: ", note, "\n");
  return text;
}

std::string FormatNoModel(const absl::Status& why) {
  return absl::StrCat("\nnot a Mixtral model that Octet runs: ", std::string(why.message()), "\n");
}

// Describes the model, or says why there is none. `notes` are about its files.
absl::StatusOr<std::string> FormatModel(FileSystem& files, const absl::StatusOr<ModelFiles>& model,
                                        const std::vector<std::string>& notes,
                                        const InspectOptions& o) {
  if (!model.ok()) return absl::StrCat(FormatNoModel(model.status()), FormatNotes(notes));
  const absl::StatusOr<std::string> memory = FormatMemory(files, model->tensors, model->config, o);
  if (!memory.ok()) return memory.status();
  return absl::StrCat(FormatConfig(model->config), *memory, FormatNotes(model->warnings));
}

// Opens the files at `path`. If it is neither a directory nor of a known form, the error says what
// it is.
absl::StatusOr<Checkpoint> OpenCheckpoint(FileSystem& files, const std::string& path) {
  const bool has_form = absl::EndsWith(path, ".safetensors") || absl::EndsWith(path, ".json");
  if (!has_form && !files.IsFile(path)) return Checkpoint::Open(files, path);
  if (files.IsDirectory(path)) return Checkpoint::Open(files, path);
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::OpenFile(files, path);
  if (checkpoint.ok() || has_form) return checkpoint;
  return CheckModelDirectory(files, path);
}

class InspectCommand : public Subcommand {
 public:
  explicit InspectCommand(CommandLine& parent)
      : Subcommand(parent, "inspect", "what lies in a checkpoint") {
    line().AddRequiredText("path", options_.path,
                           "model directory, .safetensors or GGUF file, or index.json");
    line().AddCount("--ranks", options_.ranks, kRankCounts,
                    "over which experts are spread; default 1");
    AddPlacementFlags(line(), options_.placement);
    line().AddText("--dtype", options_.dtype, "auto, float32 or bfloat16; default auto");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    const absl::StatusOr<std::string> text = Inspect(files, options_);
    if (!text.ok()) return ExitWith(world, text.status(), ExitCode::kCannotServe);
    std::cout << *text << std::flush;
    return ExitCode::kDone;
  }

 private:
  InspectOptions options_;
};

}  // namespace

absl::StatusOr<std::string> Inspect(FileSystem& files, const InspectOptions& options) {
  const absl::StatusOr<std::optional<std::string>> gguf = FindGguf(files, options.path);
  if (!gguf.ok()) return gguf.status();
  if (gguf->has_value()) {
    absl::StatusOr<GgufModel> opened = GgufModel::Open(files, **gguf);
    if (!opened.ok()) return opened.status();
    const std::string contents = FormatGguf(*opened);
    const absl::StatusOr<std::string> model =
        FormatModel(files, OpenGgufModel(files, *std::move(opened), options.path), {}, options);
    if (!model.ok()) return model.status();
    return absl::StrCat(contents, *model);
  }
  const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(files, options.path);
  if (!checkpoint.ok()) return checkpoint.status();
  const std::string tensors = FormatTensors(*checkpoint);
  if (!files.IsDirectory(options.path)) {
    return absl::StrCat(tensors, FormatNotes(checkpoint->warnings()));
  }
  const absl::StatusOr<std::string> model =
      FormatModel(files, ModelFiles::Open(files, options.path), checkpoint->warnings(), options);
  if (!model.ok()) return model.status();
  return absl::StrCat(tensors, *model);
}

std::unique_ptr<Subcommand> AddInspect(CommandLine& parent) {
  return std::make_unique<InspectCommand>(parent);
}

}  // namespace octet

#include "runtime/checkpoint/model_path.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <vector>

#include "runtime/io/git_lfs.h"

namespace octet {
namespace {

constexpr char kLookedFor[] =
    "; a Hugging Face model directory with config.json and safetensors, or a GGUF file, is looked "
    "for";
constexpr char kPickle[] =
    "which can run any code when they are read, so they are refused; convert them to safetensors "
    "(transformers: save_pretrained)";
constexpr char kForeign[] =
    "which Octet does not read; give the directory with the same model's safetensors";
constexpr char kGguf[] =
    "which is a whole model by itself; give that file, or a directory without other models";

// The kind of a file with this ending, and advice for the user.
struct FileKind {
  const char* ending;
  const char* name;
  const char* advice;

  std::string ToString() const { return absl::StrCat(name, ", ", advice); }
};

// Files with weights that Octet does not read.
constexpr FileKind kForeignWeights[] = {
    {".bin", "pickled weights", kPickle},
    {".bin.index.json", "pickled weights", kPickle},
    {".pth", "pickled weights", kPickle},
    {".pt", "pickled weights", kPickle},
    {".ckpt", "pickled weights", kPickle},
    {".gguf", "GGUF", kGguf},
    {".ggml", "GGML", kForeign},
    {".onnx", "ONNX", kForeign},
    {".h5", "weights of TensorFlow", kForeign},
    {".tflite", "weights of TensorFlow", kForeign},
    {".msgpack", "weights of Flax", kForeign},
    {".npz", "weights of NumPy", kForeign},
    {".mlmodel", "weights of Core ML", kForeign},
    {".engine", "an engine of TensorRT", kForeign},
};

constexpr const char* kArchiveEndings[] = {".zip", ".tar", ".gz", ".tgz", ".zst", ".xz", ".7z"};

bool IsArchive(const std::string& name) {
  return std::any_of(std::begin(kArchiveEndings), std::end(kArchiveEndings),
                     [&name](const char* e) { return absl::EndsWithIgnoreCase(name, e); });
}

const FileKind* ForeignKindOf(const std::string& name) {
  const auto* found = std::find_if(
      std::begin(kForeignWeights), std::end(kForeignWeights),
      [&name](const FileKind& kind) { return absl::EndsWithIgnoreCase(name, kind.ending); });
  return found == std::end(kForeignWeights) ? nullptr : found;
}

absl::Status FileError(FileSystem& files, const std::string& path) {
  const auto error = [&path](const std::string& text) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is ", text));
  };
  absl::Status pointer = RefuseGitLfsPointer(files, path);
  if (!pointer.ok()) return pointer;
  if (absl::EndsWith(path, ".safetensors") || absl::EndsWith(path, ".json") ||
      absl::EndsWith(path, ".model")) {
    return error(absl::StrCat("one file of a model; give the directory that has all of them, ",
                              DirectoryOf(path)));
  }
  if (const FileKind* kind = ForeignKindOf(path)) return error(kind->ToString());
  if (IsArchive(path)) return error("an archive; unpack it and give the directory");
  return error(absl::StrCat("a file, not a directory", kLookedFor));
}

bool IsPartOfHubName(std::string_view part) {
  return !part.empty() && part.size() <= 96 && part.front() != '.' && part.front() != '-' &&
         std::all_of(part.begin(), part.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

// Returns the name on huggingface.co that a path may mean: "owner/model", also in an address.
std::optional<std::string> HubName(const std::string& path) {
  std::string_view name = path;
  for (const std::string_view before :
       {"https://", "http://", "huggingface.co/", "hf.co/", "hf://"}) {
    if (name.starts_with(before)) name.remove_prefix(before.size());
  }
  if (name.ends_with('/')) name.remove_suffix(1);
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  if (!IsPartOfHubName(name.substr(0, slash)) || !IsPartOfHubName(name.substr(slash + 1))) {
    return std::nullopt;
  }
  return std::string(name);
}

absl::Status NothingThereError(const std::string& path) {
  const auto name = HubName(path);
  if (!name) return absl::NotFoundError(absl::StrCat(path, ": no such directory", kLookedFor));
  return absl::NotFoundError(absl::StrCat(
      path,
      ": no such directory; Octet downloads nothing, so where this is a name on huggingface.co "
      "run 'hf download ",
      *name,
      " --local-dir DIR' (formerly huggingface-cli download) and "
      "give --model DIR"));
}

// Returns whether a clone may have a pointer instead of this file of a model.
bool MayBePointer(const std::string& name) {
  return absl::EndsWith(name, ".safetensors") || absl::EndsWith(name, ".json") ||
         absl::EndsWith(name, ".model") || absl::EndsWith(name, ".jinja");
}

// Finds a directory with config.json some levels below, as in Hugging Face's cache
// (snapshots/HASH).
std::optional<std::string> FindModelBelow(FileSystem& files, const std::string& directory) {
  constexpr int kMostLevels = 3;
  constexpr size_t kMostDirectories = 200;
  std::vector<std::string> level = {directory};
  size_t seen = 0;
  for (int depth = 0; depth < kMostLevels; ++depth) {
    std::vector<std::string> next;
    for (const std::string& parent : level) {
      const auto names = files.List(parent);
      if (!names.ok()) continue;
      for (const std::string& name : *names) {
        const std::string path = JoinPath(parent, name);
        if (!files.IsDirectory(path)) continue;
        if (files.IsFile(JoinPath(path, "config.json"))) return path;
        if (++seen > kMostDirectories) return std::nullopt;
        next.push_back(path);
      }
    }
    level = std::move(next);
  }
  return std::nullopt;
}

bool IsAdapter(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "adapter_config.json" || absl::StartsWith(name, "adapter_model.");
  });
}

absl::Status AdapterError(const std::string& directory) {
  return absl::InvalidArgumentError(
      absl::StrCat(directory,
                   ": holds a peft adapter, which changes another model, and not a whole "
                   "one; merge it into that model (peft: merge_and_unload) and save that"));
}

// Returns the error for the first weights of another kind.
absl::Status ForeignWeightsError(const std::string& where, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const FileKind* kind = ForeignKindOf(name);
    if (kind == nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat(where, ", only ", name, ": ", kind->ToString()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckModelDirectory(FileSystem& files, const std::string& path) {
  if (files.IsFile(path)) return FileError(files, path);
  if (!files.IsDirectory(path)) {
    if (!files.Exists(path)) return NothingThereError(path);
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is neither a directory nor a file", kLookedFor));
  }
  const auto names = files.List(path);
  if (!names.ok()) return names.status();
  if (names->empty()) {
    return absl::NotFoundError(absl::StrCat(path, ": is an empty directory", kLookedFor));
  }
  for (const std::string& name : *names) {
    if (!MayBePointer(name)) continue;
    absl::Status pointer = RefuseGitLfsPointer(files, JoinPath(path, name));
    if (!pointer.ok()) return pointer;
  }
  return absl::OkStatus();
}

absl::Status NoConfigError(FileSystem& files, const std::string& directory) {
  const auto names = files.List(directory);
  if (!names.ok()) return names.status();
  if (IsAdapter(*names)) return AdapterError(directory);
  const std::string missing = absl::StrCat(JoinPath(directory, "config.json"), ": no such file");
  if (const auto below = FindModelBelow(files, directory)) {
    return absl::NotFoundError(
        absl::StrCat(missing, ", but ", *below, " has one; give that directory"));
  }
  absl::Status foreign =
      ForeignWeightsError(absl::StrCat(directory, ": has no config.json"), *names);
  if (!foreign.ok()) return foreign;
  return absl::NotFoundError(absl::StrCat(
      missing,
      "; a Hugging Face model directory has it beside the weights, Mistral's own form has "
      "params.json"));
}

absl::Status NoWeightsError(FileSystem& files, const std::string& directory) {
  const auto names = files.List(directory);
  if (!names.ok()) return names.status();
  if (IsAdapter(*names)) return AdapterError(directory);
  const std::string missing =
      absl::StrCat(directory, ": has neither model.safetensors nor model.safetensors.index.json");
  if (!files.IsFile(JoinPath(directory, "config.json"))) {
    if (const auto below = FindModelBelow(files, directory)) {
      return absl::NotFoundError(
          absl::StrCat(missing, ", but ", *below, " has a config.json; give that directory"));
    }
  }
  absl::Status foreign = ForeignWeightsError(missing, *names);
  if (!foreign.ok()) return foreign;
  return absl::NotFoundError(absl::StrCat(
      missing, ", nor other safetensors; a model directory has its weights beside config.json"));
}

}  // namespace octet

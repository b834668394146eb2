#include "runtime/batch/job_identity.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/tokenizer_files.h"

namespace octet {
namespace {

constexpr uint64_t kHeadBytes = uint64_t{64} << 10;
constexpr uint64_t kBlockBytes = uint64_t{4} << 20;

absl::StatusOr<uint64_t> HashOfHead(const RandomAccessFile& file) {
  std::vector<std::byte> head(std::min(kHeadBytes, file.size()));
  const absl::Status status = file.Read(0, head);
  if (!status.ok()) return status;
  return XXH3_64bits(head.data(), head.size());
}

absl::StatusOr<uint64_t> HashOfContent(const RandomAccessFile& file,
                                       const std::function<void()>& advance) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> block(std::min(kBlockBytes, file.size()));
  for (uint64_t at = 0; at < file.size(); at += block.size()) {
    block.resize(std::min(kBlockBytes, file.size() - at));
    const absl::Status status = file.Read(at, block);
    if (!status.ok()) return status;
    XXH3_64bits_update(state.get(), block.data(), block.size());
    advance();
  }
  return XXH3_64bits_digest(state.get());
}

bool DecidesAnswers(const std::string& name) {
  return name == "config.json" || name == "params.json" || name == "generation_config.json" ||
         name == "model.safetensors.index.json" || absl::EndsWith(name, ".safetensors");
}

// The files of a model that decide its answers.
struct ModelFileNames {
  std::string directory;
  std::vector<std::string> names;  // sorted
};

absl::StatusOr<ModelFileNames> ListModelFiles(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::optional<std::string>> gguf = FindGguf(files, path);
  if (!gguf.ok()) return gguf.status();
  if (gguf->has_value()) {
    const absl::StatusOr<GgufModel> model = GgufModel::Open(files, **gguf);
    if (!model.ok()) return model.status();
    ModelFileNames found = {.directory = DirectoryOf(**gguf), .names = {}};
    found.names.reserve(model->files().size());
    for (const GgufFile& file : model->files()) {
      found.names.push_back(std::filesystem::path(file.file().path()).filename().string());
    }
    return found;
  }
  const absl::StatusOr<std::vector<std::string>> listed = files.List(path);
  if (!listed.ok()) return listed.status();
  absl::StatusOr<std::vector<std::string>> names = ListTokenizerFiles(files, path);
  if (!names.ok()) return names.status();
  std::copy_if(listed->begin(), listed->end(), std::back_inserter(*names), DecidesAnswers);
  std::sort(names->begin(), names->end());
  return ModelFileNames{path, *std::move(names)};
}

absl::Status Differs(const std::string& what, const std::string& earlier, const std::string& now) {
  const auto shown = [](const std::string& value) {
    return value.empty() ? "not given" : Escaped(value);
  };
  return absl::FailedPreconditionError(
      absl::StrCat(what, " was ", shown(earlier), ", and is ", shown(now)));
}

template <class T>
absl::Status Same(const char* what, const T& earlier, const T& now) {
  if (earlier == now) return absl::OkStatus();
  return Differs(what, absl::StrCat(earlier), absl::StrCat(now));
}

absl::Status SameContents(const std::string& what, const FileIdentity& a, const FileIdentity& b) {
  if (a.content_hash() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("what ", what, " held is not known: that attempt ran without --verify"));
  }
  return Same(absl::StrCat("the content of ", what).c_str(), a.content_hash(), b.content_hash());
}

absl::Status SameFile(const char* kind, const FileIdentity& a, const FileIdentity& b,
                      bool compare_contents) {
  const std::string what = absl::StrCat(kind, " ", b.name());
  absl::Status status = Same(absl::StrCat("the size of ", what).c_str(), a.size(), b.size());
  if (status.ok()) {
    status = Same(absl::StrCat("the beginning of ", what).c_str(), a.head_hash(), b.head_hash());
  }
  return status.ok() && compare_contents ? SameContents(what, a, b) : status;
}

// Returns a file's time in the form that `touch -d` takes.
std::string TimeOf(const FileIdentity& file) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ", absl::FromUnixNanos(file.mtime_ns()),
                          absl::UTCTimeZone());
}

absl::Status SameTime(const FileIdentity& a, const FileIdentity& b) {
  if (a.mtime_ns() == b.mtime_ns()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--model ", b.name(), " was changed since, or copied; ",
                   a.content_hash() != 0 ? "--verify compares its content instead, or, "
                                         : "nobody has compared its content: ",
                   "if it is the same, set its time back: touch -d ", TimeOf(a), " ", b.name()));
}

template <class Files>
absl::Status SameFiles(const char* kind, const Files& earlier, const Files& now,
                       bool compare_contents) {
  if (earlier.size() != now.size()) {
    return Differs(absl::StrCat("the number of files of ", kind), absl::StrCat(earlier.size()),
                   absl::StrCat(now.size()));
  }
  for (int i = 0; i < now.size(); ++i) {
    absl::Status status = SameFile(kind, earlier[i], now[i], compare_contents);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SameModelFiles(const JobIdentity& a, const JobIdentity& b, bool compare_contents) {
  absl::Status status = SameFiles("--model", a.model_file(), b.model_file(), compare_contents);
  for (int i = 0; status.ok() && !compare_contents && i < a.model_file_size(); ++i) {
    status = SameTime(a.model_file(i), b.model_file(i));
  }
  return status;
}

// What changes every answer.
absl::Status SameAnswers(const JobIdentity& a, const JobIdentity& b) {
  absl::Status status = Same("the numerics class", a.numerics_class(), b.numerics_class());
  status.Update(Same("the arithmetic of the C library and the processor, as a fingerprint,",
                     a.arithmetic(), b.arithmetic()));
  status.Update(Same("--seed", a.seed(), b.seed()));
  status.Update(
      Same("--return-routed-experts", a.return_routed_experts(), b.return_routed_experts()));
  status.Update(Same("--served-model-name", a.served_model_name(), b.served_model_name()));
  status.Update(Same("the model's name", a.model_name(), b.model_name()));
  status.Update(Same("--created", a.created(), b.created()));
  return status;
}

// What decides which requests are served, and how their fields are taken.
absl::Status SameRequests(const JobIdentity& a, const JobIdentity& b) {
  absl::Status status = Same("--max-model-len", a.max_model_len(), b.max_model_len());
  status.Update(Same("--lenient", a.lenient(), b.lenient()));
  status.Update(Same("--allow-home", a.allow_home(), b.allow_home()));
  status.Update(Same("--chat-template", a.chat_template(), b.chat_template()));
  status.Update(Same("--generation-config", a.generation_config(), b.generation_config()));
  return status;
}

}  // namespace

absl::StatusOr<FileIdentity> IdentifyFile(FileSystem& files, const std::string& path,
                                          bool read_contents,
                                          const std::function<void()>& advance) {
  const absl::StatusOr<FileInfo> info = files.Stat(path);
  if (!info.ok()) return info.status();
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> head = HashOfHead(**file);
  if (!head.ok()) return head.status();
  FileIdentity identity;
  identity.set_name(std::filesystem::path(path).filename().string());
  identity.set_size(static_cast<int64_t>(info->size));
  identity.set_mtime_ns(info->mtime_ns);
  identity.set_head_hash(*head);
  if (!read_contents) return identity;
  const absl::StatusOr<uint64_t> content = HashOfContent(**file, advance);
  if (!content.ok()) return content.status();
  identity.set_content_hash(*content);
  return identity;
}

absl::Status IdentifyModel(FileSystem& files, const std::string& path, bool read_contents,
                           const std::function<void()>& advance, JobIdentity& job) {
  const absl::StatusOr<ModelFileNames> model = ListModelFiles(files, path);
  if (!model.ok()) return model.status();
  for (const std::string& name : model->names) {
    absl::StatusOr<FileIdentity> file =
        IdentifyFile(files, JoinPath(model->directory, name), read_contents, advance);
    if (!file.ok()) return file.status();
    file->set_name(name);
    *job.add_model_file() = *std::move(file);
  }
  return absl::OkStatus();
}

absl::Status CompareJobsForRetry(const JobIdentity& a, const JobIdentity& b, bool compare_contents,
                                 std::vector<std::string>& notes) {
  absl::Status status = SameAnswers(a, b);
  status.Update(SameFiles("--model", a.model_file(), b.model_file(), compare_contents));
  status.Update(Same("the model's configuration, headers or tokenizer", a.model(), b.model()));
  if (!status.ok()) return status;
  for (const absl::Status& same : {SameFiles("--input", a.input(), b.input(), compare_contents),
                                   SameModelFiles(a, b, compare_contents), SameRequests(a, b),
                                   Same("octet's version", a.version(), b.version())}) {
    if (same.ok()) continue;
    notes.push_back(absl::StrCat("--retry-failed: ", std::string(same.message()),
                                 "; answers stay as they are"));
  }
  return status;
}

absl::Status CompareJobs(const JobIdentity& a, const JobIdentity& b, bool compare_contents,
                         std::vector<std::string>& notes) {
  absl::Status status = SameFiles("--input", a.input(), b.input(), compare_contents);
  status.Update(SameAnswers(a, b));
  status.Update(SameRequests(a, b));
  status.Update(SameModelFiles(a, b, compare_contents));
  status.Update(Same("the model's configuration, headers or tokenizer", a.model(), b.model()));
  status.Update(Same("octet's version", a.version(), b.version()));
  for (int i = 0; status.ok() && !compare_contents && i < a.input_size(); ++i) {
    if (a.input(i).mtime_ns() == b.input(i).mtime_ns()) continue;
    notes.push_back(absl::StrCat("--input ", b.input(i).name(), " was touched or copied since; ",
                                 "its lines are compared with those that were answered"));
  }
  return status;
}

}  // namespace octet

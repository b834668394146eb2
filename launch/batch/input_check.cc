#include "launch/batch/input_check.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <memory>
#include <string_view>

#include "runtime/io/compressed_stream.h"
#include "runtime/io/input_kind.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

// Reads the beginning of a file, decompressed.
absl::StatusOr<std::string> ReadStart(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<InputStream>> file = files.OpenInput(path);
  if (!file.ok()) return file.status();
  const std::unique_ptr<InputStream> input = Decompressed(*std::move(file));
  std::string start(kInputKindBytes, '\0');
  size_t size = 0;
  while (size < start.size()) {
    const absl::StatusOr<size_t> n =
        input->Read(std::as_writable_bytes(std::span(start).subspan(size)));
    if (!n.ok()) return n.status();
    if (*n == 0) break;
    size += *n;
  }
  start.resize(size);
  return start;
}

// Returns the first line that is not blank.
std::string FirstLine(std::string_view start) {
  if (start.starts_with(kUtf8Mark)) start.remove_prefix(kUtf8Mark.size());
  const size_t begin = start.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(start.substr(begin, start.find('\n', begin) - begin));
}

// Returns whether the line has a text. A line that cannot be read is refused later.
bool HasText(const std::string& line) {
  const absl::StatusOr<json> object = ParseStrictJson(line, "line");
  if (!object.ok() || !object->is_object()) return false;
  const auto body = object->find("body");
  if (body == object->end() || !body->is_object()) return false;
  if (body->contains("messages")) return true;
  const auto prompt = body->find("prompt");
  if (prompt == body->end()) return false;
  return prompt->is_string() ||
         (prompt->is_array() && !prompt->empty() && prompt->front().is_string());
}

absl::Status CheckInput(FileSystem& files, const std::string& path, bool has_tokenizer) {
  const absl::StatusOr<std::string> start = ReadStart(files, path);
  if (!start.ok()) return start.status();
  std::string why = WhyNotJsonLines(*start);
  if (why.empty() && !MayHaveJsonLines(*start)) {
    why = "has no JSON object in its first lines; each line must be one, with a request";
  }
  if (why.empty() && !has_tokenizer && HasText(FirstLine(*start))) {
    why =
        "has texts, and the model has no tokenizer; put its tokenizer.model or tokenizer.json "
        "beside its config.json, or give prompts as token ids";
  }
  return why.empty() ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat(path, " ", why));
}

}  // namespace

absl::Status CheckInputs(FileSystem& files, const std::vector<std::string>& inputs,
                         bool has_tokenizer) {
  for (const std::string& path : inputs) {
    if (path == "-" || !files.IsFile(path)) continue;
    absl::Status status = CheckInput(files, path, has_tokenizer);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace octet

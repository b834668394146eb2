#include "launch/pages/page_inputs.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>

#include "launch/files/proto_text.h"
#include "launch/pages/message_check.h"
#include "launch/pages/page_name.h"
#include "launch/sweep/sweep_journal.h"

namespace octet {
namespace {

absl::Status BadInput(const std::string& path, const absl::Status& status) {
  return {status.code(), absl::StrCat(path, ": ", std::string(status.message()))};
}

bool IsNamed(const std::string& name, const std::string& stem) {
  return name == absl::StrCat(stem, ".json") ||
         (absl::StartsWith(name, absl::StrCat(stem, "-")) && absl::EndsWith(name, ".json"));
}

class PageReader {
 public:
  explicit PageReader(FileSystem& files) : files_(files) {}

  absl::Status ReadDirectory(const std::string& directory, const std::string& output) {
    const absl::StatusOr<std::vector<std::string>> names = files_.List(directory);
    if (!names.ok()) return names.status();
    const size_t used = inputs_.used.size();
    for (const std::string& name : *names) {
      absl::Status status = ReadEntry(JoinPath(directory, name), name, output);
      if (!status.ok()) return status;
    }
    absl::Status status = ReadSweepBeside(directory);
    if (!status.ok() || inputs_.used.size() > used) return status;
    return absl::NotFoundError(absl::StrCat(
        directory, ": has nothing to show; a page is made of summary.json, stats.json, plan.json, ",
        "plan-*.json, points.jsonl, replay.json, replay-*.json, replays/*.json, compare.json and ",
        "compare-*.json"));
  }

  PageInputs Take() { return std::move(inputs_); }

 private:
  absl::Status ReadEntry(const std::string& path, const std::string& name,
                         const std::string& output) {
    if (name == "replays" && files_.IsDirectory(path)) return ReadReplays(path);
    if (files_.IsFile(path)) {
      if (name == "summary.json") {
        return ReadMessage(path, "octet run-batch --report DIR", inputs_.runs);
      }
      if (name == "stats.json") {
        return ReadMessage(path, "octet trace stats TRACE --output-json stats.json", inputs_.stats);
      }
      if (name == kSweepRuns) return ReadPoints(path);
      if (name == kSweepCopy) return absl::OkStatus();  // read beside its points
      if (IsNamed(name, "plan")) {
        return ReadMessage(path, "octet plan ... --output-json plan.json", inputs_.plans);
      }
      if (IsNamed(name, "replay")) return ReadReplay(path);
      if (IsNamed(name, "compare")) {
        return ReadMessage(path, "octet replay --compare ... --output-json compare.json",
                           inputs_.comparisons);
      }
    }
    if (name == kPageName || files_.IsSame(path, output)) return absl::OkStatus();
    inputs_.unused.push_back(files_.IsDirectory(path) ? path + "/" : path);
    return absl::OkStatus();
  }

  absl::Status ReadReplay(const std::string& path) {
    return ReadMessage(path, "octet replay ... --output-json replay.json", inputs_.replays);
  }

  absl::Status ReadReplays(const std::string& directory) {
    const absl::StatusOr<std::vector<std::string>> names = files_.List(directory);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string path = JoinPath(directory, name);
      if (!absl::EndsWith(name, ".json") || !files_.IsFile(path)) {
        inputs_.unused.push_back(path);
        continue;
      }
      absl::Status status = ReadReplay(path);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadText(const std::string& path, const std::string& command) {
    absl::StatusOr<std::string> text = files_.ReadWhole(path);
    if (text.ok()) inputs_.used.push_back({path, text->size(), command});
    return text;
  }

  template <typename Message>
  absl::Status ReadMessage(const std::string& path, const std::string& command,
                           std::vector<FromFile<Message>>& messages) {
    const absl::StatusOr<std::string> text = ReadText(path, command);
    if (!text.ok()) return text.status();
    Message message;
    absl::Status status = ParseJsonProto(*text, message);
    if (status.ok()) status = CheckMessage(message);
    if (!status.ok()) return BadInput(path, status);
    if (!message.command().empty()) inputs_.used.back().command = message.command();
    messages.push_back({path, std::move(message)});
    return absl::OkStatus();
  }

  absl::Status ReadPoints(const std::string& path) {
    const absl::StatusOr<std::string> text =
        ReadText(path, "octet sweep FILE --output DIR; the command of each run is in its line");
    if (!text.ok()) return text.status();
    SweepFiles sweep = {.path = path, .runs = {}, .sweep = std::nullopt, .torn_line = 0};
    int line = 0;
    const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
    for (const std::string& json : lines) {
      ++line;
      if (json.empty()) continue;
      SweepRun run;
      absl::Status status = ParseJsonProto(json, run);
      if (!status.ok() && line == std::ssize(lines)) {  // as a kill leaves it
        sweep.torn_line = line;
        break;
      }
      if (status.ok()) status = CheckMessage(run);
      if (!status.ok()) return BadInput(absl::StrCat(path, ", line ", line), status);
      sweep.runs.push_back(std::move(run));
    }
    if (sweep.runs.empty()) return BadInput(path, absl::InvalidArgumentError("has no run"));
    inputs_.sweeps.push_back(std::move(sweep));
    return absl::OkStatus();
  }

  // Reads the settings of the sweep, if its points are in this directory.
  absl::Status ReadSweepBeside(const std::string& directory) {
    const std::string path = JoinPath(directory, kSweepCopy);
    if (!files_.IsFile(path)) return absl::OkStatus();
    const bool has_points =
        !inputs_.sweeps.empty() && inputs_.sweeps.back().path == JoinPath(directory, kSweepRuns);
    if (!has_points) {
      inputs_.unused.push_back(path);
      return absl::OkStatus();
    }
    const absl::StatusOr<std::string> text = ReadText(path, "octet sweep FILE --output DIR");
    if (!text.ok()) return text.status();
    const absl::Status status = ParseTextProto(*text, inputs_.sweeps.back().sweep.emplace());
    return status.ok() ? status : BadInput(path, status);
  }

  FileSystem& files_;
  PageInputs inputs_;
};

}  // namespace

absl::StatusOr<PageInputs> ReadPageInputs(FileSystem& files,
                                          const std::vector<std::string>& directories,
                                          const std::string& output) {
  PageReader reader(files);
  for (size_t i = 0; i < directories.size(); ++i) {
    const bool is_twice =
        std::any_of(directories.begin(), directories.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const std::string& other) { return files.IsSame(other, directories[i]); });
    if (is_twice) {
      return absl::InvalidArgumentError(absl::StrCat(directories[i], ": is given twice"));
    }
    absl::Status status = reader.ReadDirectory(directories[i], output);
    if (!status.ok()) return status;
  }
  return reader.Take();
}

}  // namespace octet

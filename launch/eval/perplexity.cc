#include "launch/eval/perplexity.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <optional>
#include <utility>

#include "launch/console/console.h"
#include "launch/console/rank_progress.h"
#include "launch/eval/peer_windows.h"
#include "launch/eval/text_score.h"
#include "launch/files/result_file.h"
#include "launch/report.h"
#include "launch/settings/run_config.h"
#include "launch/setup/job_setup.h"
#include "launch/setup/job_start.h"
#include "launch/setup/load_session.h"
#include "launch/setup/session.h"
#include "parallel/transport/agreement.h"
#include "runtime/io/json_writer.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

struct PerplexityOptions {
  std::string file;
  int window = 0;  // tokens of the text; 0 means 2048, or the most that the model takes
  int stride = 0;  // 0 means the window
  std::string output_json;
  std::string convention = "octet";
};

// How the text is cut. The size is in tokens of the text, in other programs' conventions with BOS.
struct WindowSize {
  PerplexityConvention convention = PerplexityConvention::kOctet;
  int64_t window = 0;
  int64_t stride = 0;
};

constexpr std::array kConventions = {std::pair(PerplexityConvention::kOctet, "octet"),
                                     std::pair(PerplexityConvention::kHuggingFace, "hf"),
                                     std::pair(PerplexityConvention::kLlamaCpp, "llama.cpp")};

absl::StatusOr<PerplexityConvention> ParseConvention(const std::string& text) {
  for (const auto& [convention, name] : kConventions) {
    if (text == name) return convention;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--convention must be octet, hf or llama.cpp, not ", Quoted(text)));
}

// Chooses the window. The token that the engine draws after the prompt, and Octet's BOS, take
// positions of max_model_len.
absl::StatusOr<WindowSize> ChooseWindow(const PerplexityOptions& options, int64_t max_model_len) {
  const absl::StatusOr<PerplexityConvention> convention = ParseConvention(options.convention);
  if (!convention.ok()) return convention.status();
  const bool is_own = *convention == PerplexityConvention::kOctet;
  const bool is_llama_cpp = *convention == PerplexityConvention::kLlamaCpp;
  const int64_t most = max_model_len - (is_own ? 2 : 1);
  const int64_t fewest = is_own ? 1 : is_llama_cpp ? 3 : 2;
  const int64_t usual = std::min<int64_t>(most, is_llama_cpp ? 512 : 2048);
  WindowSize size = {.convention = *convention,
                     .window = options.window > 0 ? options.window : usual};
  if (size.window > most || size.window < fewest) {
    return absl::InvalidArgumentError(absl::StrCat("--window ", size.window,
                                                   ": with --max-model-len ", max_model_len,
                                                   " at most ", most, ", at least ", fewest));
  }
  if (is_llama_cpp && options.stride > 0) {
    return absl::InvalidArgumentError("--stride: --convention llama.cpp has none");
  }
  size.stride = options.stride > 0 ? options.stride : size.window;
  if (size.stride > size.window) {
    return absl::InvalidArgumentError(absl::StrCat("--stride ", size.stride,
                                                   ": is larger than --window ", size.window,
                                                   ", so tokens would be left out"));
  }
  return size;
}

struct CutText {
  int64_t count = 0;
  std::function<ScoredWindow(int64_t index)> get;
};

// `ids` must outlive the result.
CutText Cut(std::span<const int32_t> ids, int32_t bos, const WindowSize& size) {
  const auto use = [](const auto& windows) {
    return CutText{windows.count(), [windows](int64_t index) { return windows.Get(index); }};
  };
  if (size.convention == PerplexityConvention::kOctet) {
    return use(TextWindows(ids, bos, size.window, size.stride));
  }
  return use(PeerWindows(size.convention, ids, bos, size.window, size.stride));
}

// Returns the tokens of the text, which are not empty.
absl::StatusOr<std::vector<int32_t>> ReadTokens(const std::string& path, const JobSetup& setup,
                                                const WindowSize& size, FileSystem& files) {
  const Tokenizer* tokenizer = setup.model.tokenizer.get();
  if (tokenizer == nullptr || tokenizer->bos_id() < 0) {
    return absl::FailedPreconditionError(
        "a text can't be tokenized: the model has no tokenizer, or that has no BOS");
  }
  const absl::StatusOr<std::string> text = files.ReadStream(path, Tokenizer::kMaxTextBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("can't read --file ", std::string(text.status().message())));
  }
  std::vector<int32_t> ids = tokenizer->Encode(*text);
  if (ids.empty()) return absl::InvalidArgumentError(absl::StrCat("--file ", path, " is empty"));
  if (Cut(ids, tokenizer->bos_id(), size).count == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--file ", path, " has ", ids.size() + 1,
                                                   " tokens with BOS, fewer than --window ",
                                                   size.window));
  }
  return ids;
}

// Checks the score on rank 0; other ranks have none.
absl::Status CheckFinite(const TextScore& score, const std::string& path, Engine& engine) {
  if (score.finite) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "--file ", path, " has no perplexity: ", absl::StrJoin(engine.TakeNotes(), "; ")));
}

std::string FormatScore(const TextScore& score, const WindowSize& size, int64_t num_windows) {
  return absl::StrFormat(
      "tokens scored   %d, in %d windows of %d with stride %d\n"
      "nats per token  %.6f\n"
      "perplexity      %.4f\n",
      score.tokens, num_windows, size.window, size.stride, score.NatsPerToken(),
      score.Perplexity());
}

std::string ScoreJson(const TextScore& score, const WindowSize& size, int64_t num_windows,
                      const RunConfig& config, const JobSetup& setup) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("model", config.model());
  json.Member("numerics_class", setup.NumericsClass());
  json.Member("tokens", score.tokens);
  json.Member("windows", num_windows);
  json.Member("window", size.window);
  json.Member("stride", size.stride);
  json.Member("convention", kConventions[static_cast<int>(size.convention)].second);
  json.Member("nats_per_token", score.NatsPerToken());
  json.Member("perplexity", score.Perplexity());
  return json.EndObject().Take() + "\n";
}

class PerplexityCommand : public Subcommand {
 public:
  explicit PerplexityCommand(CommandLine& parent)
      : Subcommand(parent, "perplexity", "how well a model predicts a text"), flags_(line()) {
    line().AddRequiredText("-f,--file", options_.file, "text, UTF-8; - is standard input");
    line().AddCount("--window", options_.window, kTokenCounts,
                    "tokens that are predicted together, after a BOS; default 2048, or what "
                    "--max-model-len leaves");
    line().AddCount("--stride", options_.stride, kTokenCounts,
                    "tokens from one window to the next; with less than --window only the last so "
                    "many of each count; default --window");
    line().AddText(
        "--convention", options_.convention,
        "octet; hf: the guide of transformers, with one BOS before the text; llama.cpp: "
        "chunks of --window tokens (512), each with BOS in place of its first one, whose "
        "second halves count; default octet");
    line().AddText("--output-json", options_.output_json, "file for the result as JSON");
  }

  ExitCode Run(Communicator& world) override {
    const absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    if (!config.ok()) return ExitWith(world, config.status(), ExitCode::kCannotServe);
    PosixFileSystem files;
    absl::StatusOr<WindowSize> size;
    absl::StatusOr<std::vector<int32_t>> ids = std::vector<int32_t>();
    const auto check = [&](const JobSetup& setup) {
      size = ChooseWindow(options_, setup.engine.max_model_len);
      absl::Status status = size.status();
      if (world.rank() != 0) return status;
      if (status.ok() && !config->dry_run()) ids = ReadTokens(options_.file, setup, *size, files);
      status.Update(ids.status());
      if (status.ok()) status = CheckResults(*config, files);
      return status;
    };
    const absl::StatusOr<JobSetup> setup = SetUpAndReport(world, *config, files, check);
    if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
    if (config->dry_run()) return ExitCode::kDone;
    return LoadAndScore(world, *config, *setup, *size, *ids, files);
  }

 private:
  absl::Status CheckResults(const RunConfig& config, FileSystem& files) const {
    absl::Status status;
    const std::string& json = options_.output_json;
    if (!json.empty()) status = CheckResultFile(files, "--output-json", json);
    if (!json.empty() && files.IsSame(json, options_.file)) {
      status = absl::InvalidArgumentError("--output-json would overwrite --file " + options_.file);
    }
    if (!config.report().empty()) {
      status.Update(CheckResultDirectory(files, "--report", config.report(), "summary.json"));
    }
    return status;
  }

  // Collective. `ids` is empty except on rank 0.
  ExitCode LoadAndScore(Communicator& world, const RunConfig& config, const JobSetup& setup,
                        const WindowSize& size, std::span<const int32_t> ids, FileSystem& files) {
    const auto progress = RankProgress::Make(world, config);
    if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
    const absl::StatusOr<std::unique_ptr<Session>> session =
        LoadSession(world, config, setup, files, (*progress)->progress());
    if (!session.ok()) return ExitWith(world, session.status(), ExitCode::kFailed);
    const CutText windows = Cut(ids, setup.model.tokenizer->bos_id(), size);
    const TextScore score =
        ScoreWindows((*session)->engine(), world.rank(), windows.count, windows.get);
    const RunReport report = MakeReport(world, setup, **session);
    absl::Status status = CheckFinite(score, options_.file, (*session)->engine());
    if (world.rank() == 0 && status.ok()) {
      std::cout << FormatScore(score, size, windows.count) << std::flush;
      if (!options_.output_json.empty()) {
        status.Update(WriteResultFile(files, options_.output_json,
                                      ScoreJson(score, size, windows.count, config, setup)));
      }
      if (!config.report().empty()) {
        status.Update(files.MakeDirectories(config.report()));
        status.Update(WriteReport(report, config.report(), files));
      }
    }
    status = AgreeOnStatus(world, status);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

  RunConfigFlags flags_;
  PerplexityOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> AddPerplexity(CommandLine& parent) {
  return std::make_unique<PerplexityCommand>(parent);
}

}  // namespace octet

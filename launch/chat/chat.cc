#include "launch/chat/chat.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "launch/batch/batch_files.h"
#include "launch/chat/chat_console.h"
#include "launch/chat/chat_loop.h"
#include "launch/chat/chat_terminal.h"
#include "launch/chat/dialogue.h"
#include "launch/console/console.h"
#include "launch/console/rank_progress.h"
#include "launch/files/result_file.h"
#include "launch/process/descriptor.h"
#include "launch/report.h"
#include "launch/settings/run_config.h"
#include "launch/setup/job_start.h"
#include "launch/setup/load_session.h"
#include "parallel/transport/agreement.h"

namespace octet {
namespace {

constexpr size_t kMostPromptBytes = size_t{256} << 20;
constexpr char kStandardInput[] = "-";

// Waiting for the user is no slowness that someone must hear of.
constexpr std::chrono::hours kUserMayThink(24 * 365);

struct ChatOptions {
  std::string prompt;  // empty: a conversation
  std::string system;
  bool no_template = false;
  bool plain = false;
  bool verbose = false;
  std::vector<std::pair<std::string, std::string>> fields;
};

// A conversation after its setup. All of it but `limits` is on rank 0 alone.
struct ChatStart {
  std::unique_ptr<ChatTerminal> terminal;  // null: standard input and output
  RequestLimits limits;
  std::optional<Dialogue> dialogue;
  std::string prompt;  // of one answer; empty: a conversation
};

// Messages and the progress bar, which mpirun would pass on late, go to the terminal where they end
// anyway, or they would come among the answers.
void SayOnTerminal(const ChatTerminal& terminal) {
  if (!ChatTerminal::IsPassedOn() || std::getenv("OCTET_TERMINAL") == nullptr) return;
  const Descriptor opened(open(terminal.path().c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (opened.get() >= 0) dup2(opened.get(), STDERR_FILENO);
}

class ChatCommandLine : public Subcommand {
 public:
  ChatCommandLine(CommandLine& parent, StopSignals& signals)
      : Subcommand(parent, "chat", "talk with a model"), signals_(signals), flags_(line()) {
    flags_.AddRequestDefaults();
    line().AddText("--prompt", options_.prompt,
                   "answer this message alone, and end; - is standard input, and so is none where "
                   "that is no terminal");
    line().AddText("--system", options_.system, "system message");
    line().OnSwitch(
        "--no-template", [this] { options_.no_template = true; },
        "continue the text as it stands, as /v1/completions does");
    line().OnSwitch(
        "--plain", [this] { options_.plain = true; },
        "a conversation in lines on standard input and output, without editing");
    line().OnSwitch(
        "--verbose", [this] { options_.verbose = true; },
        "say the tokens and rates of each answer");
    for (const DialogueField& field : DialogueFields()) AddFieldFlag(field);
  }

  ExitCode Run(Communicator& world) override {
    absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    if (!config.ok()) return ExitWith(world, config.status(), ExitCode::kCannotServe);
    config->set_max_num_seqs(1);
    PosixFileSystem files;
    ChatStart start;
    const absl::StatusOr<JobSetup> setup =
        SetUpAndReport(world, *config, files, [&](const JobSetup& ready) {
          return world.rank() == 0 ? Prepare(*config, ready, files, start) : absl::OkStatus();
        });
    if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
    if (config->dry_run()) return ExitCode::kDone;
    return LoadAndTalk(world, *config, *setup, files, start);
  }

 private:
  void AddFieldFlag(const DialogueField& field) {
    const std::string name = field.name;
    line().OnText(
        "--" + absl::StrReplaceAll(name, {{"_", "-"}}),
        [this, name](const std::string& value) { options_.fields.emplace_back(name, value); },
        absl::StrCat(field.help, " (the field of requests)"));
  }

  // On rank 0. Finds out where the conversation is held, and checks all that it begins with.
  absl::Status Prepare(const RunConfig& config, const JobSetup& setup, FileSystem& files,
                       ChatStart& start) {
    start.limits = LimitsOfRequests(config, setup);
    start.dialogue.emplace(start.limits, !options_.no_template);
    absl::Status status = start.dialogue->Check();
    if (!config.report().empty()) {
      status.Update(CheckResultDirectory(files, "--report", config.report(), "summary.json"));
    }
    for (const auto& [name, value] : options_.fields) {
      if (status.ok()) status = start.dialogue->Set(name, value);
    }
    if (status.ok() && !options_.system.empty())
      status = start.dialogue->SetSystem(options_.system);
    if (status.ok() && !config.dry_run()) status = FindUser(files, start);
    if (status.ok() && !start.prompt.empty()) status = start.dialogue->Ask(start.prompt).status();
    return status;
  }

  absl::Status FindUser(FileSystem& files, ChatStart& start) {
    start.prompt = options_.prompt;
    if (options_.plain && options_.prompt.empty()) return absl::OkStatus();
    if (options_.prompt.empty()) start.terminal = ChatTerminal::Open();
    if (start.terminal != nullptr) {
      SayOnTerminal(*start.terminal);
      return absl::OkStatus();
    }
    if (!options_.prompt.empty() && options_.prompt != kStandardInput) return absl::OkStatus();
    if (options_.prompt.empty() && ChatTerminal::IsPassedOn()) {
      return absl::FailedPreconditionError(
          "rank 0 is on another host than the terminal: begin on its host, or write 'cat | ' "
          "before "
          "this command and --plain behind it");
    }
    if (options_.prompt.empty() && isatty(STDIN_FILENO) == 1) {
      return absl::InvalidArgumentError(
          "standard output is no terminal: give --prompt for one answer, or --plain");
    }
    absl::StatusOr<std::string> text = files.ReadStream(kStandardInput, kMostPromptBytes);
    if (!text.ok()) return text.status();
    start.prompt = *std::move(text);
    if (start.prompt.ends_with('\n')) start.prompt.pop_back();
    if (!start.prompt.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("standard input is empty: there is nothing to answer");
  }

  // Collective.
  ExitCode LoadAndTalk(Communicator& world, const RunConfig& config, const JobSetup& setup,
                       FileSystem& files, ChatStart& start) {
    const auto progress = RankProgress::Make(world, config);
    if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
    const absl::StatusOr<std::unique_ptr<Session>> session =
        LoadSession(world, config, setup, files, (*progress)->progress());
    if (!session.ok()) return ExitWith(world, session.status(), ExitCode::kFailed);
    world.watchdog().SetSlowAfter(kUserMayThink);
    Engine& engine = (*session)->engine();
    absl::Status status;
    if (world.rank() == 0) {
      status = Talk(world, *setup.model.tokenizer, files, engine, start);
      engine.Close();
    }
    std::vector<FinishedSequence> finished;
    while (engine.Step(finished)) finished.clear();
    const RunReport report = MakeReport(world, setup, **session);
    if (world.rank() == 0 && status.ok() && !config.report().empty()) {
      status = files.MakeDirectories(config.report());
      status.Update(WriteReport(report, config.report(), files));
    }
    status = AgreeOnStatus(world, status);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

  // On rank 0.
  absl::Status Talk(const Communicator& world, const Tokenizer& tokenizer, FileSystem& files,
                    Engine& engine, ChatStart& start) {
    const auto say = [&world](const std::string& text) { Say(world, text); };
    std::unique_ptr<ChatConsole> console = MakeLineConsole();
    ChatTerminal* const terminal = start.terminal.get();
    if (terminal != nullptr) {
      absl::StatusOr<std::unique_ptr<ChatConsole>> made = MakeTerminalConsole(*terminal, say);
      if (!made.ok()) return made.status();
      console = *std::move(made);
      signals_.SetOnStop([terminal](const char*) {
        terminal->Restore();
        return ExitCode::kFailed;
      });
      console->ShowLines("/help says what can be typed; ^D ends.\n");
    }
    ChatLoop loop({.dialogue = *start.dialogue,
                   .console = *console,
                   .engine = engine,
                   .files = files,
                   .say = say,
                   .verbose = options_.verbose},
                  tokenizer);
    absl::Status status;
    if (start.prompt.empty()) {
      loop.Run();
    } else {
      status = loop.Answer(start.prompt);
    }
    signals_.SetOnStop(nullptr);
    if (terminal != nullptr) terminal->Restore();
    return status;
  }

  StopSignals& signals_;
  RunConfigFlags flags_;
  ChatOptions options_;
};

}  // namespace

std::unique_ptr<Subcommand> AddChat(CommandLine& parent, StopSignals& signals) {
  return std::make_unique<ChatCommandLine>(parent, signals);
}

}  // namespace octet

// The progress messages of a run.

#ifndef OCTET_LAUNCH_CONSOLE_PROGRESS_H_
#define OCTET_LAUNCH_CONSOLE_PROGRESS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "launch/console/bar_line.h"
#include "launch/console/pace.h"
#include "launch/console/progress_text.h"
#include "launch/console/terminal.h"

namespace octet {

enum class ProgressStyle {
  kNone,
  kBar,    // one line, drawn repeatedly
  kPlain,  // a line now and then, less and less often: a night's lines fit a screen
  kJson,   // the same for programs
};

// A reporter of the progress of a run's stages. A call is cheap: unless a message is due, it reads
// the clock and stores its arguments. A bar makes room for other text in the stream, and comes back
// with the next call.
class Progress {
 public:
  struct Output {
    ProgressStyle style;
    std::ostream& stream;
    std::function<double()> clock;  // seconds
    std::function<int()> width;     // columns of the terminal, for a bar
  };

  explicit Progress(Output output);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { EndStage(); }

  // Reports the stage of loading, in bytes of this rank. A stage begins when the previous one ends.
  void Load(uint64_t done, uint64_t total);

  // Sets, in the stage of loading, the bytes of weights that were mapped from a pack cache.
  void SetMapped(uint64_t bytes) { load_.mapped = bytes; }

  // Reports the stage of requests.
  void Serve(const RequestCounts& counts);

  // Reports the end of the stage, if one has begun.
  void EndStage();

 private:
  enum class Stage { kNone, kLoading, kRequests };

  void BeginOrGoOn(Stage stage);
  void SayIfDue();
  void Say(bool ended);
  void Draw(bool ended);
  std::string Text() const;  // of a line

  Output output_;
  std::optional<BarLine> bar_;  // for ProgressStyle::kBar

  // The state of the current stage.
  Stage stage_ = Stage::kNone;
  double start_ = 0;
  double seconds_ = 0;  // since the start, at the latest call
  LoadState load_;
  RequestState requests_;
  Throughput bytes_;
  Throughput prompt_tokens_;
  Throughput generated_tokens_;
  Eta eta_;
  double next_ = 0;   // seconds since the start at which a message is due
  size_t times_ = 0;  // that a message was due
};

// Makes a reporter on standard error, as --progress says. `terminal` is that of standard error, and
// must outlive the result.
absl::StatusOr<std::unique_ptr<Progress>> MakeProgress(const std::string& setting,
                                                       const std::optional<Terminal>& terminal);

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_PROGRESS_H_

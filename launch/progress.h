// What a person who waits for a run is told.

#ifndef OCTET_LAUNCH_PROGRESS_H_
#define OCTET_LAUNCH_PROGRESS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "launch/bar_line.h"
#include "launch/pace.h"
#include "launch/progress_text.h"
#include "launch/terminal.h"

namespace octet {

enum class ProgressStyle {
  kNone,
  kBar,    // one line, drawn again and again
  kPlain,  // a line now and then, less and less often: those of a night fit a screen
  kJson,   // the same for programs
};

// Says how far the stages of a run have come. Cheap to tell: unless something is due to be said, it
// looks at the clock and notes what it was told. A bar makes room for whatever else is written to
// the stream, and comes back with the next call.
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

  // The stage of loading, in bytes of this rank. A stage begins where the one before it ended.
  void Load(uint64_t done, uint64_t total);

  // In the stage of loading: bytes of weights that were mapped from a pack cache.
  void SetMapped(uint64_t bytes) { load_.mapped = bytes; }

  // The stage of requests.
  void Serve(const RequestCounts& counts);

  // Says how the stage ended, if one has begun.
  void EndStage();

 private:
  enum class Stage { kNone, kLoading, kRequests };

  void BeginOrGoOn(Stage stage);
  void SayIfDue();
  void Say(bool ended);
  void Draw(bool ended);
  std::string Text() const;  // of a line

  Output output_;
  std::optional<BarLine> bar_;  // of that style

  // These describe the stage.
  Stage stage_ = Stage::kNone;
  double start_ = 0;
  double seconds_ = 0;  // since the start, at the latest call
  LoadState load_;
  RequestState requests_;
  Throughput bytes_;
  Throughput prompt_tokens_;
  Throughput generated_tokens_;
  Eta eta_;
  double next_ = 0;   // seconds since the start at which something is due
  size_t times_ = 0;  // that something was
};

// Progress on standard error, as --progress asks. `terminal` is that of standard error, and must
// outlive the result.
absl::StatusOr<std::unique_ptr<Progress>> MakeProgress(const std::string& setting,
                                                       const std::optional<Terminal>& terminal);

}  // namespace octet

#endif  // OCTET_LAUNCH_PROGRESS_H_

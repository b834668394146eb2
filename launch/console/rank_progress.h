// Progress of a job of several ranks.

#ifndef OCTET_LAUNCH_CONSOLE_RANK_PROGRESS_H_
#define OCTET_LAUNCH_CONSOLE_RANK_PROGRESS_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>

#include "launch/console/progress.h"
#include "launch/console/terminal.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"

namespace octet {

// The progress of a job, as --progress says: on rank 0's standard error, and nothing on other
// ranks.
class RankProgress {
 public:
  // Collective; errors are agreed on.
  static absl::StatusOr<std::unique_ptr<RankProgress>> Make(Communicator& world,
                                                            const RunConfig& config);

  Progress& progress() { return *progress_; }

 private:
  RankProgress() : terminal_(Terminal::OfStandardError()) {}

  std::optional<Terminal> terminal_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_RANK_PROGRESS_H_

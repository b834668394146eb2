#include "launch/settings/run_config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "kernels/base/check.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"

namespace octet::fuzz {
namespace {

// The flags of a command whose --config is a file of memory.
class ConfigInMemory {
 public:
  ConfigInMemory() {
    flags_.AddBatchFlags();
    flags_.AddRandomWeightsFlags();
    const std::string path = "/proc/self/fd/" + std::to_string(file_);
    const char* argv[] = {"octet", "--config", path.c_str()};
    OCTET_CHECK(!line_.Parse(3, argv));
  }

  absl::StatusOr<RunConfig> Read(const std::string& bytes) {
    OCTET_CHECK(ftruncate(file_, 0) == 0);
    OCTET_CHECK(pwrite(file_, bytes.data(), bytes.size(), 0) == std::ssize(bytes));
    return flags_.Resolve();
  }

 private:
  const int file_ = memfd_create("config", MFD_CLOEXEC);
  CommandLine line_{""};
  RunConfigFlags flags_{line_};
};

}  // namespace

void RunConfigFile(const std::string& bytes) {
  static auto* const kConfig = new ConfigInMemory;
  const absl::StatusOr<RunConfig> config = kConfig->Read(bytes);
  if (!config.ok()) return CheckError(config.status());
  OCTET_CHECK(config->max_num_seqs() >= 1 && config->timeout() > 0);
}

}  // namespace octet::fuzz

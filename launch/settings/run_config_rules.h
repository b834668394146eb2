// The defaults of settings, and the rules that they must obey.

#ifndef OCTET_LAUNCH_SETTINGS_RUN_CONFIG_RULES_H_
#define OCTET_LAUNCH_SETTINGS_RUN_CONFIG_RULES_H_

#include <absl/status/status.h>

#include "proto/config.pb.h"

namespace octet {

void SetDefaults(RunConfig& config);

// Checks all settings that are not numbers. An error names the flag.
absl::Status CheckRunConfig(const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETTINGS_RUN_CONFIG_RULES_H_

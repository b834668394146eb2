// The settings of a command, from its --config file and its flags.

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>

#include <utility>

#include "launch/files/proto_text.h"
#include "launch/settings/home_flags.h"
#include "launch/settings/run_config.h"
#include "launch/settings/run_config_rules.h"
#include "runtime/io/file.h"

namespace octet {
namespace {

constexpr size_t kMostConfigBytes = size_t{1} << 20;

}  // namespace

RunConfig DefaultRunConfig() {
  RunConfig config;
  SetDefaults(config);
  return config;
}

// Reads the --config file. A field without effect, or one whose flag would be refused, is an error.
absl::StatusOr<RunConfig> RunConfigFlags::ReadConfigFile() const {
  PosixFileSystem files;
  const absl::StatusOr<std::string> text = files.ReadWhole(config_file_, kMostConfigBytes);
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat("--config ", std::string(text.status().message())));
  }
  RunConfig config;
  const absl::Status parsed = ParseTextProto(*text, config);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config ", config_file_, ":", std::string(parsed.message())));
  }
  const absl::Status status = CheckFields(config);
  if (status.ok()) return config;
  return absl::InvalidArgumentError(
      absl::StrCat("--config ", config_file_, ": ", std::string(status.message())));
}

absl::Status RunConfigFlags::CheckFields(const RunConfig& config) const {
  std::vector<const google::protobuf::FieldDescriptor*> set;
  RunConfig::GetReflection()->ListFields(config, &set);
  for (const google::protobuf::FieldDescriptor* field : set) {
    const auto found = fields_.find(field->name());
    const std::string wrong =
        found == fields_.end() ? "is no setting of this command" : found->second(config);
    if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat(field->name(), " ", wrong));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunConfig> RunConfigFlags::Resolve() const {
  if (!flags_status_.ok()) return flags_status_;
  RunConfig config;
  if (!config_file_.empty()) {
    absl::StatusOr<RunConfig> file = ReadConfigFile();
    if (!file.ok()) return file.status();
    config = *std::move(file);
  }
  RunConfig flags;  // take precedence over the file, also over its opposite flag
  for (const auto& set : set_by_flags_) set(flags);
  if (flags.resume() || flags.retry_failed()) config.clear_overwrite();
  if (flags.overwrite() || flags.retry_failed()) config.clear_resume();
  if (flags.resume() || flags.overwrite()) config.clear_retry_failed();
  for (const auto& set : set_by_flags_) set(config);
  SetDefaults(config);
  if (fields_.contains("generation_config") && config.generation_config().empty()) {
    config.set_generation_config("auto");
  }
  absl::Status status = CheckRunConfig(config);
  if (status.ok()) status = ResolveHomeFlags(config);
  if (!status.ok()) return status;
  return config;
}

}  // namespace octet

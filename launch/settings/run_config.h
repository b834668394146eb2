// The settings of a run: flags over a file over defaults.

#ifndef OCTET_LAUNCH_SETTINGS_RUN_CONFIG_H_
#define OCTET_LAUNCH_SETTINGS_RUN_CONFIG_H_

#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "launch/command_line.h"
#include "proto/config.pb.h"

namespace octet {

// Returns the settings of a run with only a model: every field with a default has it.
RunConfig DefaultRunConfig();

// The flags of a subcommand that are fields of RunConfig. It must outlive the parsing.
class RunConfigFlags {
 public:
  // Adds the flags of every subcommand that runs a model.
  explicit RunConfigFlags(CommandLine& line);

  // Adds the other flags of a batch job.
  void AddBatchFlags();

  // Adds --trace.
  void AddTrace();

  // Adds the flags of experts that move while a job runs.
  void AddLiveMoves();

  // Adds --home and --prefix-cache.
  void AddHome();

  // Adds --speculate, whose default is `by_default`.
  void AddSpeculate(const std::string& by_default);

  // Adds --chat-template and --generation-config.
  void AddRequestDefaults();

  // Adds --seed, whose use by the subcommand `help` explains.
  void AddSeed(const std::string& help);

  // Adds the flags of a model with random weights.
  void AddRandomWeightsFlags();

  // Returns the settings; call it after parsing. Every field has its value or its default. The
  // users of fields with neither check them. A field of a --config file that is none of these flags
  // is an error.
  absl::StatusOr<RunConfig> Resolve() const;

 private:
  // The range applies to a --config file, too; there, 0 means not set.
  template <class T>
  void AddNumber(const std::string& names, void (RunConfig::*set)(T), NumberRange<T> range,
                 const std::string& help);
  void AddString(const std::string& names, std::string* (RunConfig::*mutable_field)(),
                 const std::string& help);

  void AddSwitch(const std::string& name, void (RunConfig::*set)(bool), const std::string& help);

  void AddKeepWeights();
  void AddFailOnRefused();
  void AddForecastAndWatchFlags();

  // Records the field of a flag, which has the same name, and returns it.
  void AddPlacementFlags();
  std::string AddField(const std::string& names);

  absl::StatusOr<RunConfig> ReadConfigFile() const;

  // Checks the fields of a --config file.
  absl::Status CheckFields(const RunConfig& config) const;

  void Refuse(const std::string& names, const std::string& rule);

  CommandLine& line_;
  std::string config_file_;
  // The fields that the subcommand has flags for. Each has a function that returns the fault of the
  // field in a message: empty, or such as "must be a whole number from 1 to 64".
  std::map<std::string, std::function<std::string(const RunConfig&)>> fields_;
  absl::Status flags_status_;
  std::vector<std::function<void(RunConfig&)>> set_by_flags_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SETTINGS_RUN_CONFIG_H_

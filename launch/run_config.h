// The settings of a run: flags over a file over defaults.

#ifndef OCTET_LAUNCH_RUN_CONFIG_H_
#define OCTET_LAUNCH_RUN_CONFIG_H_

#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "launch/command_line.h"
#include "proto/config.pb.h"

namespace octet {

// What a run does that is told nothing but its model: every field that has a default has it.
RunConfig DefaultRunConfig();

// The flags of a subcommand that are fields of RunConfig. Must outlive the parsing.
class RunConfigFlags {
 public:
  // Those of every subcommand that runs a model.
  explicit RunConfigFlags(CommandLine& line);

  // Those of a batch job besides.
  void AddBatchFlags();

  // --trace.
  void AddTrace();

  // Those of experts that move while a job runs.
  void AddLiveMoves();

  // --home.
  void AddHome();

  // --seed, of what the subcommand makes of it.
  void AddSeed(const std::string& help);

  // Those of a model that is made and not read.
  void AddRandomWeightsFlags();

  // After parsing: every field has its value or its default; those that have neither are checked by
  // who needs them. An error where a --config file has a field that is none of these flags.
  absl::StatusOr<RunConfig> Resolve() const;

 private:
  // The range holds for what a --config file says, too; there 0 means that nothing is said.
  template <class T>
  void AddNumber(const std::string& names, void (RunConfig::*set)(T), NumberRange<T> range,
                 const std::string& help);
  void AddString(const std::string& names, std::string* (RunConfig::*mutable_field)(),
                 const std::string& help);

  void AddSwitch(const std::string& name, void (RunConfig::*set)(bool), const std::string& help);

  void AddFailOnRefused();

  // Notes the field of a flag, which has the same name, and gives it.
  void AddPlacementFlags();
  std::string AddField(const std::string& names);

  absl::StatusOr<RunConfig> ReadConfigFile() const;

  // Checks what a --config file says.
  absl::Status CheckFields(const RunConfig& config) const;

  void Refuse(const std::string& names, const std::string& rule);

  CommandLine& line_;
  std::string config_file_;
  // That the subcommand has flags for. Each with what is wrong with it in a message that has it:
  // nothing, or as "must be a whole number from 1 to 64".
  std::map<std::string, std::function<std::string(const RunConfig&)>> fields_;
  absl::Status flags_status_;
  std::vector<std::function<void(RunConfig&)>> set_by_flags_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_RUN_CONFIG_H_

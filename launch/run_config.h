// The settings of a run: flags over a file over defaults.

#ifndef OCTET_LAUNCH_RUN_CONFIG_H_
#define OCTET_LAUNCH_RUN_CONFIG_H_

#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "proto/config.pb.h"

namespace octet {

// The flags of a subcommand that are fields of RunConfig. Must outlive the parsing.
class RunConfigFlags {
 public:
  // Those of every subcommand that runs a model.
  explicit RunConfigFlags(CLI::App& app);

  // Those of a batch job besides.
  void AddBatchFlags(CLI::App& app);

  // --seed, of what the subcommand makes of it.
  void AddSeed(CLI::App& app, const std::string& help);

  // Those of a model that is made and not read.
  void AddRandomWeightsFlags(CLI::App& app);

  // After parsing: every field has its value or its default; those that have neither are checked by
  // who needs them.
  absl::StatusOr<RunConfig> Resolve() const;

 private:
  // The value must be a number of at least `least`.
  template <class T>
  void AddNumber(CLI::App& app, const std::string& names, void (RunConfig::*set)(T), T least,
                 const std::string& help);
  void AddString(CLI::App& app, const std::string& names,
                 std::string* (RunConfig::*mutable_field)(), const std::string& help);

  void AddSwitch(CLI::App& app, const std::string& name, void (RunConfig::*set)(bool),
                 const std::string& help);

  void Refuse(const std::string& names, const std::string& rule);

  std::string config_file_;
  absl::Status flags_status_;
  std::vector<std::function<void(RunConfig&)>> set_by_flags_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_RUN_CONFIG_H_

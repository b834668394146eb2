#include "launch/settings/home_flags.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <utility>

#include "parallel/transport/agreement.h"
#include "runtime/engine/home_choice.h"
#include "runtime/trace/line_signatures.h"

namespace octet {
namespace {

absl::Status CheckSignatures(const std::string& path, const LineSignatures& signatures,
                             const ModelFiles& model, std::vector<std::string>& warnings) {
  const std::string flag = absl::StrCat("--home affinity:", path);
  if (signatures.num_lines() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": has no tokens; is it a file that --trace wrote?"));
  }
  if (signatures.num_layers() != model.config.num_layers ||
      signatures.num_experts() != model.config.num_experts) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": the trace is of ", signatures.num_layers(), " layers of ",
        signatures.num_experts(), " experts, and the model has ", model.config.num_layers, " of ",
        model.config.num_experts, "; record one with --trace on this model"));
  }
  if (signatures.model() != model.fingerprint) {
    warnings.push_back(absl::StrCat(flag, ": the trace is of another model, whose tokens may ",
                                    "choose other experts"));
  }
  return absl::OkStatus();
}

absl::Status ReadSignatures(const std::string& path, FileSystem& files, const ModelFiles& model,
                            EngineOptions& options, std::vector<std::string>& warnings) {
  absl::StatusOr<LineSignatures> signatures = LineSignatures::Read(files, path);
  if (!signatures.ok()) {
    return {signatures.status().code(),
            absl::StrCat("--home affinity:", std::string(signatures.status().message()))};
  }
  absl::Status status = CheckSignatures(path, *signatures, model, warnings);
  if (!status.ok()) return status;
  options.signatures = std::make_shared<const LineSignatures>(*std::move(signatures));
  return status;
}

}  // namespace

absl::StatusOr<int> ResolveGroupSize(const std::string& expert_parallel, int ep_size) {
  if (expert_parallel == "on") return ep_size;
  if (expert_parallel != "off") {
    return absl::InvalidArgumentError("--expert-parallel must be on or off");
  }
  if (ep_size <= 1) return 1;
  return absl::InvalidArgumentError(
      absl::StrCat("--expert-parallel off is --ep-size 1, and contradicts --ep-size ", ep_size,
                   ": leave one of them out"));
}

absl::Status ResolveHomeFlags(RunConfig& config) {
  if (!ParseHomeSetting(config.home())) {
    return absl::InvalidArgumentError(
        "--home must be least-loaded, round-robin or affinity:TRACE, with a file that --trace "
        "wrote");
  }
  const absl::StatusOr<int> ep_size = ResolveGroupSize(config.expert_parallel(), config.ep_size());
  if (!ep_size.ok()) return ep_size.status();
  config.set_ep_size(*ep_size);
  return absl::OkStatus();
}

absl::Status ChooseHomes(Communicator& world, const RunConfig& config, FileSystem& files,
                         const ModelFiles& model, EngineOptions& options,
                         std::vector<std::string>& warnings) {
  if (config.expert_parallel() == "off") {
    warnings.emplace_back(
        "--expert-parallel off: as with --ep-size 1 each rank holds all experts, and computes "
        "its sequences alone");
  }
  const HomeSetting setting = *ParseHomeSetting(config.home());
  options.home_policy = setting.policy;
  absl::Status status;
  if (setting.policy == HomePolicy::kAffinity && world.rank() == 0) {
    status = ReadSignatures(setting.trace, files, model, options, warnings);
  }
  return AgreeOnStatus(world, status);
}

}  // namespace octet

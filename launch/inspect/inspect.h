// octet inspect: the contents of a checkpoint, without reading its weights.

#ifndef OCTET_LAUNCH_INSPECT_INSPECT_H_
#define OCTET_LAUNCH_INSPECT_INSPECT_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "launch/setup/placement_choice.h"
#include "launch/subcommand.h"
#include "runtime/checkpoint/checkpoint.h"

namespace octet {

struct InspectOptions {
  std::string path;  // a model directory, a .safetensors or GGUF file, an index.json
  int ranks = 1;
  PlacementChoice placement;
  std::string dtype = "auto";
};

// Lists every tensor by name with dtype, shape, bytes and file, and the bytes by dtype. For a GGUF
// file, all parts of a split one, or a directory with nothing else, also its metadata. For a
// directory or GGUF, also the shape of the Mixtral model and the bytes of its weights on each rank,
// or why it is none that Octet runs. Reads headers only. An error says what is wrong with the
// files, or with a flag.
absl::StatusOr<std::string> Inspect(FileSystem& files, const InspectOptions& options);

std::unique_ptr<Subcommand> AddInspect(CommandLine& parent);

}  // namespace octet

#endif  // OCTET_LAUNCH_INSPECT_INSPECT_H_

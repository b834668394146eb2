#include "launch/bench/routing_flag.h"

#include <absl/strings/str_cat.h>

#include "launch/command_line.h"
#include "parallel/transport/agreement.h"
#include "runtime/io/fingerprint.h"

namespace octet {

void AddRoutingFlag(CommandLine& line, std::string& text, const std::string& otherwise) {
  line.AddText(kRoutingFlag, text,
               absl::StrCat("where tokens go: uniform, zipf:S, all-on:A,B,..., counts:FILE or "
                            "trace:FILE; default: ",
                            otherwise));
}

absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadJobRouting(FileSystem& files,
                                                            const std::string& text,
                                                            const RoutingShape& shape) {
  if (text.empty()) return nullptr;
  return ReadRoutingLoad(files, text, shape);
}

absl::Status AgreeOnRouting(Communicator& world, const RoutingLoad* load) {
  return AgreeOnFacts(world, {{absl::StrCat(kRoutingFlag, " or its file"),
                               load == nullptr ? "the router's" : ToHex(load->fingerprint())}});
}

}  // namespace octet

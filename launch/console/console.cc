#include "launch/console/console.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <iostream>

#include "launch/console/one_line.h"

namespace octet {

void Say(const Communicator& world, const std::string& text) {
  if (world.rank() == 0) std::cerr << absl::StrCat("octet: ", OneLine(text), "\n") << std::flush;
}

void SayLines(const Communicator& world, const std::string& text) {
  if (world.rank() != 0) return;
  std::string lines = "octet: ";
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&lines, OneLine({line.data(), line.size()}), "\n");
  }
  std::cerr << lines << std::flush;
}

ExitCode ExitWith(const Communicator& world, const absl::Status& status, ExitCode code) {
  Say(world, std::string(status.message()));
  return code;
}

}  // namespace octet

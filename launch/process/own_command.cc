#include "launch/process/own_command.h"

#include <absl/strings/str_split.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "launch/console/shell_text.h"

namespace octet {

std::string OwnCommand() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string line{std::istreambuf_iterator<char>(file), {}};
  if (line.empty()) return "";
  line.pop_back();  // a zero ends each word
  std::vector<std::string> words = absl::StrSplit(line, '\0');
  words.front() = "octet";
  return ShellText(words);
}

}  // namespace octet

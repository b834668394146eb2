#include "launch/pages/gnuplot.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

#include <chrono>
#include <string_view>

#include "launch/pages/program_output.h"

namespace octet {
namespace {

constexpr std::chrono::seconds kDrawingTime(30);

// "-d": without the settings of this user.
absl::StatusOr<std::string> RunGnuplot(const std::string& script) {
  absl::StatusOr<std::string> output = OutputOfProgram({"gnuplot", "-d"}, script, kDrawingTime);
  if (!absl::IsNotFound(output.status())) return output;
  return absl::NotFoundError(
      "pictures need the program gnuplot, which is not on this machine: install Debian's package "
      "gnuplot-nox (launch/install_packages.sh does)");
}

// Takes out what a browser would show where the pointer rests.
void RemoveTitles(std::string& svg) {
  constexpr std::string_view kBegin = "<title>", kEnd = "</title>";
  for (size_t begin = 0; (begin = svg.find(kBegin, begin)) != std::string::npos;) {
    svg.erase(begin, svg.find(kEnd, begin) + kEnd.size() - begin);
  }
}

}  // namespace

absl::Status CheckGnuplot() { return RunGnuplot("set terminal svg\n").status(); }

absl::StatusOr<std::string> DrawByGnuplot(const std::string& name, const Picture& picture) {
  const absl::StatusOr<std::string> output = RunGnuplot(absl::StrFormat(
      "set encoding utf8\n"
      "set terminal svg noenhanced name '%s' size %d,%d font 'sans-serif,13' background 'white'\n"
      "set border linecolor rgb '#555555'\n%s",
      name, picture.width, picture.height, picture.script));
  if (!output.ok()) return output.status();
  const size_t begin = output->find("<svg");
  if (begin == std::string::npos || !output->ends_with("</svg>\n\n")) {
    return absl::InternalError(absl::StrCat("gnuplot: drew no whole picture ", name));
  }
  std::string svg = output->substr(begin);
  RemoveTitles(svg);
  // Names within the picture; those of its plots begin with its own name already.
  return absl::StrReplaceAll(svg, {{"id='", absl::StrCat("id='", name, "-")},
                                   {"id=\"gnuplot", absl::StrCat("id=\"", name)},
                                   {"'#gp", absl::StrCat("'#", name, "-gp")},
                                   {"url(#", absl::StrCat("url(#", name, "-")},
                                   {"\n\n", "\n"}});
}

}  // namespace octet

// Pictures, as scripts of gnuplot, and what stands in them.

#ifndef OCTET_LAUNCH_PAGES_PICTURE_H_
#define OCTET_LAUNCH_PAGES_PICTURE_H_

#include <string>
#include <string_view>
#include <vector>

namespace octet {

// A picture before it is drawn. All texts in the script are made by PlotText or TicText.
struct Picture {
  int width = 800;  // pixels
  int height = 400;
  std::string script;  // gnuplot's commands, without those that choose the form and the output
};

// Returns a string literal of gnuplot, on one line, of at most 60 characters of `text`. Nothing in
// it is a command, markup or the literal's end, where the terminal is "noenhanced".
std::string PlotText(std::string_view text);

// The same for the label of a tic, where % would begin a format.
std::string TicText(std::string_view text);

// Returns "set ytics" or "set xtics" with these labels at 0, 1, ...
std::string NamedTics(const std::string& axis, const std::vector<std::string>& names);

// Returns a number as gnuplot reads it; what is not finite is a missing one.
std::string PlotNumber(double value);

// Returns the definition of a block of data: a line for each row. `name` begins with "$".
std::string DataBlock(const std::string& name, const std::vector<std::vector<double>>& rows);

// Returns colour number i as 'rgb "..."': those of Okabe and Ito (2008), which differ for all
// readers.
std::string PlotColour(size_t i);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PICTURE_H_

// Drawing by the program gnuplot.

#ifndef OCTET_LAUNCH_PAGES_GNUPLOT_H_
#define OCTET_LAUNCH_PAGES_GNUPLOT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

#include "launch/pages/picture.h"

namespace octet {

// Returns kNotFound, with the name of the package, if this machine has no gnuplot that draws SVG.
absl::Status CheckGnuplot();

// Returns the picture as an <svg> element, which several of one page do not clash with if their
// names differ. The name must be of letters and digits. The same picture gives the same bytes.
absl::StatusOr<std::string> DrawByGnuplot(const std::string& name, const Picture& picture);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_GNUPLOT_H_

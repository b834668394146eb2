// How the golden tests compute: each program that has them says it for itself.

#ifndef OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_
#define OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/base/backend.h"

namespace octet {

struct GoldenMode {
  std::string name;  // of the arithmetic, for the name of a test
  int ranks;
  std::string placement;
  std::function<std::unique_ptr<Backend>()> make_backend;
};

inline void PrintTo(const GoldenMode& mode, std::ostream* out) {
  *out << mode.name << " on " << mode.ranks << " ranks, " << mode.placement;
}

std::vector<GoldenMode> GoldenModes();

// Those of them that also answer requests, token by token.
std::vector<GoldenMode> AnsweringModes();

}  // namespace octet

#endif  // OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_

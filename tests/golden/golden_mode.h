// How the golden tests compute: each program that has them says it for itself.

#ifndef OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_
#define OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_

#include <functional>
#include <memory>
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

std::vector<GoldenMode> GoldenModes();

}  // namespace octet

#endif  // OCTET_TESTS_GOLDEN_GOLDEN_MODE_H_

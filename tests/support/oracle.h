// Data of other projects, which is not in this repository.

#ifndef OCTET_TESTS_SUPPORT_ORACLE_H_
#define OCTET_TESTS_SUPPORT_ORACLE_H_

#include <cstdlib>
#include <optional>
#include <string>

namespace octet {

// A file or directory below OCTET_ORACLE_DIR, where that is set.
inline std::optional<std::string> OraclePath(const std::string& name) {
  const char* oracle = std::getenv("OCTET_ORACLE_DIR");
  if (oracle == nullptr) return std::nullopt;
  return std::string(oracle) + "/" + name;
}

}  // namespace octet

// Leaves the test out, and says which checks were.
#define OCTET_SKIP_WITHOUT_ORACLE(path, checks) \
  if (!(path)) GTEST_SKIP() << "OCTET_ORACLE_DIR is not set: NOT checked: " checks

#endif  // OCTET_TESTS_SUPPORT_ORACLE_H_

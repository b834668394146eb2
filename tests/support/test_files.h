// Files that tests make and look at.

#ifndef OCTET_TESTS_SUPPORT_TEST_FILES_H_
#define OCTET_TESTS_SUPPORT_TEST_FILES_H_

#include <string>

namespace octet {

// What goes wrong ends the process.
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& bytes);

// A directory of this test's own in the build tree, empty.
std::string TestDirectory();

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_TEST_FILES_H_

#include "runtime/io/git_lfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

constexpr char kPointer[] =
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 493443\n";

TEST(GitLfsTest, APointerIsRefusedAndNothingElse) {
  MemoryFileSystem memory;
  const auto refuse = [&memory](const std::string& bytes) {
    memory.files["f"] = bytes;
    return RefuseGitLfsPointer(memory, "f");
  };
  EXPECT_EQ(refuse(kPointer).message(),
            "f: is a Git LFS pointer, not the file itself; fetch it with: git lfs install; git lfs "
            "pull");
  EXPECT_TRUE(refuse("").ok());
  EXPECT_TRUE(refuse("version https://git-lf").ok());
  EXPECT_TRUE(refuse("{}").ok());
  EXPECT_TRUE(refuse(std::string("x") + kPointer).ok());
  EXPECT_TRUE(refuse(kPointer + std::string(2000, 'x')).ok());  // the file itself, by its size
  EXPECT_TRUE(RefuseGitLfsPointer(memory, "absent").ok());
}

}  // namespace
}  // namespace octet

#include "launch/bench/machine_profile.h"

#include "kernels/base/check.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

// What was read can be written, and is then the same.
void CheckProfileOf(FileSystem& files, const std::string& path) {
  const auto profile = ReadMachineProfile(files, path);
  if (!profile.ok()) return CheckError(profile.status());
  const std::string copy = "new-" + path;
  OCTET_CHECK(UpdateMachineProfile(files, copy, *profile).ok());
  const auto again = ReadMachineProfile(files, copy);
  OCTET_CHECK(again.ok()) << again.status();
  OCTET_CHECK_EQ(again->SerializeAsString(), profile->SerializeAsString());
}

}  // namespace

void MachineProfileFile(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["p.json"] = bytes;
  files.files["p.txt"] = bytes;
  CheckProfileOf(files, "p.json");
  CheckProfileOf(files, "p.txt");
}

}  // namespace octet::fuzz

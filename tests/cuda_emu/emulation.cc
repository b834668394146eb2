#include "tests/cuda_emu/emulation.h"

#include <algorithm>
#include <cstring>

namespace octet::cuda_emu {

bool Site::operator==(const Site& other) const {
  return line == other.line && (file == other.file || std::strcmp(file, other.file) == 0);
}

std::recursive_mutex& RuntimeMutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

void Emulation::Reset(const Options& options) {
  options_ = options;
  faults_.clear();
  sites_.clear();
  async_bytes_ = 0;
  num_closed_ = 0;
  random_ = options.seed;
}

void Emulation::Fail(const std::string& what) {
  constexpr size_t kMost = 64;
  if (faults_.size() < kMost) faults_.push_back(what);
}

bool Emulation::Meet(const Site& site) {
  if (std::ranges::find(sites_, site) == sites_.end()) sites_.push_back(site);
  return !(site == options_.removed);
}

}  // namespace octet::cuda_emu

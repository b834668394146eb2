#include "tests/cuda_emu/devices.h"

#include <cstdlib>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"

namespace octet::cuda_emu {
namespace {

constexpr NumberRange<int> kDevices = {1, 16};  // a hexadecimal digit

thread_local int current = 0;

}  // namespace

int NumDevices() {
  const char* text = std::getenv("OCTET_EMULATED_DEVICES");
  if (text == nullptr) return 1;
  const auto number = kDevices.Parse(text);
  OCTET_CHECK(number.has_value()) << "OCTET_EMULATED_DEVICES=" << text;
  return *number;
}

int CurrentDevice() { return current; }

bool UseDevice(int device) {
  if (device < 0 || device >= NumDevices()) return false;
  current = device;
  return true;
}

std::string BusIdOf(int device) {
  return std::string("0000:0") + "0123456789ABCDEF"[device] + ":00.0";
}

}  // namespace octet::cuda_emu

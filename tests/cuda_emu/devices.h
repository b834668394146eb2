// The devices of the emulated machine.

#ifndef OCTET_TESTS_CUDA_EMU_DEVICES_H_
#define OCTET_TESTS_CUDA_EMU_DEVICES_H_

#include <string>

namespace octet::cuda_emu {

// As the environment variable OCTET_EMULATED_DEVICES says; 1 unless set. They have the same memory
// and streams: a process uses one of them.
int NumDevices();

// The device of the calling thread, and its choice. False: there is no such device.
int CurrentDevice();
bool UseDevice(int device);

std::string BusIdOf(int device);

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_DEVICES_H_

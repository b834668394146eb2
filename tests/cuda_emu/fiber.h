// Contexts of execution that hand over to each other, on one thread of the system.

#ifndef OCTET_TESTS_CUDA_EMU_FIBER_H_
#define OCTET_TESTS_CUDA_EMU_FIBER_H_

#include <cstddef>

#include "kernels/base/buffer.h"

namespace octet::cuda_emu {

// A stack and where its execution stands. It does not move. AddressSanitizer follows the switches.
class Fiber {
 public:
  // The context of whoever calls SwitchTo first; it has the system's stack.
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Makes it begin with entry() at the next switch to it. entry must not return: at its end it
  // calls SwitchTo with `ends`.
  void Prepare(void (*entry)());

  // Leaves this fiber, which runs, for another one. With `ends` it is never continued.
  void SwitchTo(Fiber& other, bool ends = false);

 private:
  friend void EnterFiber();

  static constexpr size_t kStackBytes = size_t{128} << 10;

  Buffer stack_;  // below it a page that can't be touched; empty: the system's
  std::byte* top_ = nullptr;
  void* stack_pointer_ = nullptr;
  void (*entry_)() = nullptr;

  // AddressSanitizer's.
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_FIBER_H_

#include "tests/cuda_emu/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "kernels/base/check.h"
#include "kernels/base/mapped_memory.h"
#include "tests/cuda_emu/address_sanitizer.h"

#ifdef OCTET_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error "fibers are written for x86-64"
#endif

// Keeps what a called function must keep, and continues where `to` left off.
extern "C" void octet_switch_stack(void** from, void* to);
asm(R"(
.text
.type octet_switch_stack,@function
octet_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size octet_switch_stack, .-octet_switch_stack
)");

namespace octet::cuda_emu {
namespace {

constexpr int kKeptRegisters = 6;

// The fiber that was left last, and the one that runs.
Fiber* left = nullptr;
Fiber* running = nullptr;

}  // namespace

// The first function of every fiber but the system's.
void EnterFiber() {
#ifdef OCTET_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &left->bottom_, &left->size_);
#endif
  running->entry_();
  std::abort();
}

void Fiber::Prepare(void (*entry)()) {
  static const auto kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (stack_.data() == nullptr) {
    stack_ = MapZeros(kPage + kStackBytes);
    OCTET_CHECK(stack_.data() != nullptr && mprotect(stack_.data(), kPage, PROT_NONE) == 0);
    bottom_ = stack_.data() + kPage;
    size_ = kStackBytes;
    // Not all at the same place of a page: their first lines would meet in few lines of a cache.
    constexpr size_t kLine = 64;
    static size_t number = 0;
    top_ = stack_.data() + kPage + kStackBytes - number++ * kLine % kPage;
    stack_pointer_ = top_;
  }
  // By the functions that ran there before and have not returned; below them, all have.
  Unpoison(stack_pointer_, top_ - static_cast<std::byte*>(stack_pointer_));
  entry_ = entry;
  fake_stack_ = nullptr;
  // As if octet_switch_stack had been called: after its `ret` the stack is as a call leaves it.
  auto* top = reinterpret_cast<void**>(top_) - 1;
  *--top = reinterpret_cast<void*>(&EnterFiber);
  for (int i = 0; i < kKeptRegisters; ++i) *--top = nullptr;
  stack_pointer_ = top;
}

void Fiber::SwitchTo(Fiber& other, [[maybe_unused]] bool ends) {
  left = this;
  running = &other;
#ifdef OCTET_ASAN
  __sanitizer_start_switch_fiber(ends ? nullptr : &fake_stack_, other.bottom_, other.size_);
#endif
  octet_switch_stack(&stack_pointer_, other.stack_pointer_);
#ifdef OCTET_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &left->bottom_, &left->size_);
#endif
}

}  // namespace octet::cuda_emu

// What g++ and clang call for each load and store of code that is compiled with -fsanitize=thread:
// here they are told to the observer of the device instead of ThreadSanitizer.

#include "tests/cuda_emu/access_observer.h"
#include "tests/cuda_emu/block.h"
#include "tests/cuda_emu/device_memory.h"

namespace octet::cuda_emu {
namespace {

// The linker may have taken functions that are used here from code which is watched too.
bool is_inside = false;

void Tell(const void* p, size_t bytes, bool writes) {
  if (is_inside) return;
  is_inside = true;
  Block& block = Block::Running();
  AccessObserver* const observer = Emulation::Device().observer();
  if (observer != nullptr && block.is_running()) {
    if (block.shared().Contains(p)) {
      observer->See({p, bytes, writes, block.thread(), Space::kShared});
    } else if (DeviceMemory::OfDevice().Contains(p)) {
      observer->See({p, bytes, writes, block.thread(), Space::kGlobal});
    }
  }
  is_inside = false;
}

}  // namespace
}  // namespace octet::cuda_emu

using octet::cuda_emu::Tell;

#define OCTET_HOOKS(bytes)                                                        \
  void __tsan_read##bytes(void* p) { Tell(p, bytes, /*writes=*/false); }          \
  void __tsan_write##bytes(void* p) { Tell(p, bytes, /*writes=*/true); }          \
  void __tsan_unaligned_read##bytes(void* p) { Tell(p, bytes, false); }           \
  void __tsan_unaligned_write##bytes(void* p) { Tell(p, bytes, true); }           \
  void __tsan_volatile_read##bytes(void* p) { Tell(p, bytes, /*writes=*/false); } \
  void __tsan_volatile_write##bytes(void* p) { Tell(p, bytes, /*writes=*/true); }

extern "C" {

OCTET_HOOKS(1)
OCTET_HOOKS(2)
OCTET_HOOKS(4)
OCTET_HOOKS(8)
OCTET_HOOKS(16)

void __tsan_read_range(void* p, size_t bytes) { Tell(p, bytes, /*writes=*/false); }
void __tsan_write_range(void* p, size_t bytes) { Tell(p, bytes, /*writes=*/true); }

// Clang copies structs by it, without another word: linked with --wrap=memcpy.
void* __real_memcpy(void* to, const void* from, size_t bytes);
void* __wrap_memcpy(void* to, const void* from, size_t bytes) {
  Tell(from, bytes, /*writes=*/false);
  Tell(to, bytes, /*writes=*/true);
  return __real_memcpy(to, from, bytes);
}

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

// Whether a static of a function is there. Device code has no atomic operations.
char __tsan_atomic8_load(const volatile char* p, int order) {
  return __atomic_load_n(p, order == 0 ? __ATOMIC_RELAXED : __ATOMIC_ACQUIRE);
}

}  // extern "C"

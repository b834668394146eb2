// Memory that must not be touched, where AddressSanitizer looks.

#ifndef OCTET_TESTS_CUDA_EMU_ADDRESS_SANITIZER_H_
#define OCTET_TESTS_CUDA_EMU_ADDRESS_SANITIZER_H_

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define OCTET_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCTET_ASAN 1
#endif
#endif
#ifdef OCTET_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace octet::cuda_emu {

inline void Poison([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef OCTET_ASAN
  __asan_poison_memory_region(p, bytes);
#endif
}

inline void Unpoison([[maybe_unused]] const void* p, [[maybe_unused]] size_t bytes) {
#ifdef OCTET_ASAN
  __asan_unpoison_memory_region(p, bytes);
#endif
}

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_ADDRESS_SANITIZER_H_

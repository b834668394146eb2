#ifndef OCTET_TESTS_SUPPORT_SANITIZED_H_
#define OCTET_TESTS_SUPPORT_SANITIZED_H_

namespace octet {

// AddressSanitizer watches memory on each path that is taken, for which a few times are enough.
// What only many times show, such as frequencies and that no single fault does harm, is for the
// release.
#ifdef OCTET_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SANITIZED_H_

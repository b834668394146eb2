// The limits of a template. Templates and their inputs may be hostile.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LIMITS_H_
#define OCTET_RUNTIME_TEXT_JINJA_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace octet::jinja {

inline constexpr size_t kMaxSource = size_t{1} << 20;  // bytes of a template
inline constexpr size_t kMaxTokens = 250'000;          // of a template
inline constexpr int kMaxNesting = 100;                // of tags, and of brackets
inline constexpr int kMaxExpressionHeight = 200;       // as in CPython's parser
inline constexpr size_t kMaxArguments = 250;           // of a call, and parameters
inline constexpr int kMaxDepth = 700;                  // nodes being evaluated at once
inline constexpr int kMaxValueDepth = 100;             // of nested containers
inline constexpr int64_t kMaxSteps = 3'000'000;        // nodes, items, 64 bytes read
inline constexpr size_t kMaxText = size_t{64} << 20;   // bytes of a string, or rendered
inline constexpr size_t kMaxMade = size_t{128} << 20;  // bytes of all values that a run makes
inline constexpr uint64_t kMaxRange = 100'000;         // as in jinja2's sandbox
inline constexpr size_t kMaxFrames = 100'000;  // of frames that macros keep, and of namespaces

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_LIMITS_H_

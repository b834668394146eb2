// Random numbers that are drawn by key, not from a stream.

#ifndef OCTET_RUNTIME_MODEL_RANDOM_H_
#define OCTET_RUNTIME_MODEL_RANDOM_H_

#include <array>
#include <cstdint>

namespace octet {

// Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
constexpr std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                                         std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// The key of one random draw.
struct SampleKey {
  int64_t seed;
  int64_t line;  // of the input; -1 if the request has its own seed
  int32_t choice;
  int32_t position;  // of the token in the answer
};

// Returns the key's number: uniform in [0, 1), a multiple of 2^-53.
constexpr double Uniform(const SampleKey& key) {
  const auto seed = static_cast<uint64_t>(key.seed);
  const auto line = static_cast<uint64_t>(key.line);
  const auto words = Philox({static_cast<uint32_t>(key.position), static_cast<uint32_t>(key.choice),
                             static_cast<uint32_t>(line), static_cast<uint32_t>(line >> 32)},
                            {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  const uint64_t bits = (uint64_t{words[0]} << 32 | words[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_RANDOM_H_

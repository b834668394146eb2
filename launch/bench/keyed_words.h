// Random words that are drawn by key.

#ifndef OCTET_LAUNCH_BENCH_KEYED_WORDS_H_
#define OCTET_LAUNCH_BENCH_KEYED_WORDS_H_

#include <numeric>
#include <span>
#include <utility>

#include "runtime/model/random.h"

namespace octet {

// The key of forced routing. Lines beyond 2^32 repeat.
struct RoutingKey {
  int64_t seed = 0;
  int layer = 0;
  int64_t line = -1;      // -1 for all lines
  int64_t position = -1;  // -1 for all positions
};

// The sequence of words of a key. They differ from SampleKey's numbers of the same seed.
class KeyedWords {
 public:
  explicit KeyedWords(const RoutingKey& key)
      : counter_{0, static_cast<uint32_t>(key.layer), static_cast<uint32_t>(key.line),
                 static_cast<uint32_t>(key.position)},
        key_{static_cast<uint32_t>(key.seed),
             static_cast<uint32_t>(static_cast<uint64_t>(key.seed) >> 32) ^ 0x726f7574} {}

  uint32_t Next() {
    if (next_ == words_.size()) {
      words_ = Philox(counter_, key_);
      ++counter_[0];
      next_ = 0;
    }
    return words_[next_++];
  }

  uint64_t Next64() {
    const uint64_t high = Next();
    return high << 32 | Next();
  }

  // Returns one of 0 to count - 1. All are equally likely, to 1 in 2^32 / count.
  uint32_t Below(uint32_t count) { return static_cast<uint32_t>(uint64_t{Next()} * count >> 32); }

 private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> words_ = {};
  size_t next_ = 4;
};

// Fills `order` with 0, 1, ... in random order (Fisher and Yates).
inline void Shuffle(KeyedWords& words, std::span<int32_t> order) {
  std::iota(order.begin(), order.end(), 0);
  for (size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[words.Below(static_cast<uint32_t>(left))]);
  }
}

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_KEYED_WORDS_H_

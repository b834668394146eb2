// The letter by which a home tells the owners on one host which pairs they serve.

#ifndef OCTET_PARALLEL_DISPATCH_LETTER_H_
#define OCTET_PARALLEL_DISPATCH_LETTER_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace octet {

// A (token, slot) pair, as its home describes it to its owner.
struct RoutedPair {
  int32_t row;  // of the token, among the tokens of its home or of the message in which it comes
  int32_t expert;
  float weight;
};

// Returns the number of tokens to which these pairs of one owner belong.
inline int64_t CountTokens(std::span<const RoutedPair> pairs) {
  int64_t tokens = 0;
  for (size_t i = 0; i < pairs.size(); ++i) tokens += i == 0 || pairs[i].row != pairs[i - 1].row;
  return tokens;
}

// The pairs of one home that a rank serves.
struct OwnerPairs {
  int32_t rank;
  int32_t first_pair, num_pairs;      // of the home's pairs
  int32_t first_return, num_returns;  // rows of the home's room for returns
};

// The pairs of one home for the owners on one host, its own or another.
struct Letter {
  std::span<const OwnerPairs> owners;
  std::span<const RoutedPair> pairs;  // owner by owner, each in the order of tokens and slots

  // `pairs` points to the first pair of the first owner.
  static Letter Of(std::span<const OwnerPairs> owners, const RoutedPair* pairs) {
    if (owners.empty()) return {};
    const int32_t end = owners.back().first_pair + owners.back().num_pairs;
    return {.owners = owners,
            .pairs = {pairs, static_cast<size_t>(end - owners.front().first_pair)}};
  }

  // Returns null if the rank serves no pairs.
  const OwnerPairs* Find(int rank) const {
    for (const OwnerPairs& owner : owners) {
      if (owner.rank == rank) return &owner;
    }
    return nullptr;
  }

  std::span<const RoutedPair> PairsOf(const OwnerPairs& owner) const {
    return pairs.subspan(owner.first_pair - owners[0].first_pair, owner.num_pairs);
  }
};

// The sizes of a letter to another host and of the rows that follow it.
struct Parcel {
  int32_t home;  // rank
  int32_t host;
  int32_t num_tokens;
  int32_t num_owners;
  int32_t num_pairs;

  // The letter is sent as its owners, then its pairs.
  size_t letter_bytes() const {
    return num_owners * sizeof(OwnerPairs) + num_pairs * sizeof(RoutedPair);
  }
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_LETTER_H_

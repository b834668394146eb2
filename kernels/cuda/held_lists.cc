#include "kernels/cuda/held_lists.h"

#include <array>

#include "kernels/base/check.h"
#include "kernels/cuda/flash_attention.h"

namespace octet::cuda {
namespace {

using Lists = std::array<std::span<const int32_t>, 3>;

Lists AllOf(const StepLists& lists) { return {lists.tokens, lists.positions, lists.logit_rows}; }

template <class T>
bool IsSame(std::span<const T> a, std::span<const T> b) {
  return !a.empty() && a.data() == b.data() && a.size() == b.size();
}

}  // namespace

void HeldLists::Hold(const StepLists& lists, const Stream& stream, UploadRing& ring) {
  OCTET_CHECK(lists.positions.size() == lists.tokens.size() &&
              lists.logit_rows.size() <= lists.tokens.size());
  lists_ = lists;
  room_ = RoundUp(lists.tokens.size_bytes());
  const size_t bytes = Lists().size() * room_;
  if (bytes > memory_.bytes()) {
    stream.Wait();
    memory_ = AllocateOnDevice(2 * bytes, stream);
    ++num_moves_;
  }
  std::byte* to = memory_.data();
  for (const std::span<const int32_t> list : AllOf(lists)) {
    ring.UploadTo(std::as_bytes(list), to);
    to += room_;
  }
  sequences_.Set(lists.spans, MostTileTokens(lists.heads_of_kv), stream, ring, lists.context_room);
}

const int32_t* HeldLists::Find(std::span<const int32_t> list) const {
  const std::byte* at = memory_.data();
  for (const std::span<const int32_t> held : AllOf(lists_)) {
    if (IsSame(held, list)) return reinterpret_cast<const int32_t*>(at);
    at += room_;
  }
  return nullptr;
}

const SequenceLists* HeldLists::Find(std::span<const SequenceSpan> spans) const {
  return IsSame(lists_.spans, spans) ? &sequences_ : nullptr;
}

}  // namespace octet::cuda

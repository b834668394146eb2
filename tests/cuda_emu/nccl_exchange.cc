#include "tests/cuda_emu/nccl_exchange.h"

#include <absl/strings/str_cat.h>

#include <cstring>

#include "kernels/base/check.h"
#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/cuda_emu/streams.h"

namespace octet::cuda_emu {
namespace {

// In front of each message.
struct Header {
  uint64_t count;
  int64_t type;
};

size_t SizeOf(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    default:
      return 8;
  }
}

}  // namespace

NcclComm::NcclComm(const std::string& directory, int rank_of_it, int size)
    : rank(rank_of_it),
      num_ranks(size),
      mail(directory, rank, size),
      sent(size),
      received(size),
      last_exchange(MakeEvent()) {}

NcclComm::~NcclComm() { DestroyEvent(last_exchange); }

std::string NcclExchange::Describe(const Part& part) const {
  return absl::StrCat(part.sends ? "ncclSend" : "ncclRecv", " of rank ", comm_->rank,
                      part.sends ? " to rank " : " from rank ", part.peer, ", ", part.count,
                      " of type ", static_cast<int>(part.type));
}

bool NcclExchange::Progress() {
  if (comm_->has_ended) return true;
  if (!has_begun_) Begin();
  bool all_done = true;
  for (Part& part : parts_) {
    if (!part.is_done && !part.sends) part.is_done = Take(part);
    if (!part.is_done && part.sends) part.is_done = comm_->mail.IsTaken(part.peer, part.number);
    all_done = all_done && part.is_done;
  }
  return all_done;
}

void NcclExchange::Begin() {
  has_begun_ = true;
  for (Part& part : parts_) {
    part.number = (part.sends ? comm_->sent : comm_->received)[part.peer]++;
    part.is_done = !IsOnDevice(part) || (part.sends && !Put(part));
  }
}

// False, and a fault: the message does not go.
bool NcclExchange::IsOnDevice(const Part& part) const {
  const DeviceMemory& memory = DeviceMemory::OfDevice();
  const bool is_there = memory.Contains(part.data);
  if (is_there && memory.IsInBounds(part.data, part.count * SizeOf(part.type))) return true;
  Emulation::Device().Fail(absl::StrCat(
      Describe(part), is_there ? ": leaves its allocation" : ": is not in memory of the device"));
  return false;
}

bool NcclExchange::Put(const Part& part) {
  const Header header = {.count = part.count, .type = part.type};
  const size_t bytes = part.count * SizeOf(part.type);
  std::vector<std::byte> message(sizeof(header) + bytes);
  std::memcpy(message.data(), &header, sizeof(header));
  {
    const DeviceMemory::Access access;
    std::memcpy(message.data() + sizeof(header), part.data, bytes);
  }
  if (comm_->mail.Put(part.peer, part.number, message)) return true;
  Emulation::Device().Fail(absl::StrCat(Describe(part), ": can't be written to its file"));
  return false;
}

bool NcclExchange::Take(const Part& part) {
  const auto message = comm_->mail.Take(part.peer, part.number);
  if (!message) return false;
  Header header = {};
  OCTET_CHECK(message->size() >= sizeof(header)) << message->size();
  std::memcpy(&header, message->data(), sizeof(header));
  if (header.count != part.count || header.type != part.type) {
    Emulation::Device().Fail(
        absl::StrCat(Describe(part), ": which sends ", header.count, " of type ", header.type));
    return true;
  }
  const DeviceMemory::Access access;
  std::memcpy(part.data, message->data() + sizeof(header), message->size() - sizeof(header));
  return true;
}

}  // namespace octet::cuda_emu

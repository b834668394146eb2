#include "parallel/collectives.h"

#include <algorithm>
#include <cstring>

#include "kernels/check.h"

namespace octet {
namespace {

// A message of up to this size needs one exchange, a longer one two.
constexpr size_t kFirstPart = 4096;
constexpr size_t kHeader = sizeof(uint64_t);

ConstBytes View(const std::string& s) { return std::as_bytes(std::span(s)); }

// The length of a message and its first part.
std::string FirstFrame(const std::string& message) {
  const uint64_t size = message.size();
  std::string frame(reinterpret_cast<const char*>(&size), kHeader);
  return frame + message.substr(0, kFirstPart);
}

// Collective: sends *to[r] to each rank r where it is not null; returns what came from the ranks
// with from[r].
std::vector<std::string> ExchangeMessages(Communicator& comm, Place place,
                                          const std::vector<const std::string*>& to,
                                          const std::vector<bool>& from) {
  const int size = comm.size();
  std::vector<std::string> frames_out(size);
  std::vector<std::string> frames_in(size);
  std::vector<std::string> messages(size);
  std::vector<ConstBytes> send(size);
  std::vector<Bytes> recv(size);
  for (int r = 0; r < size; ++r) {
    if (to[r] != nullptr) frames_out[r] = FirstFrame(*to[r]);
    if (from[r]) frames_in[r].resize(kHeader + kFirstPart);
    send[r] = View(frames_out[r]);
    recv[r] = std::as_writable_bytes(std::span(frames_in[r]));
  }
  comm.AllToAll(Traffic::kControl, place, send, recv);

  for (int r = 0; r < size; ++r) {
    send[r] = to[r] != nullptr && to[r]->size() > kFirstPart ? View(*to[r]).subspan(kFirstPart)
                                                             : ConstBytes();
    recv[r] = {};
    if (!from[r]) continue;
    uint64_t bytes = 0;
    std::memcpy(&bytes, frames_in[r].data(), kHeader);
    messages[r].resize(bytes);
    const size_t first = std::min<size_t>(bytes, kFirstPart);
    std::memcpy(messages[r].data(), frames_in[r].data() + kHeader, first);
    recv[r] = std::as_writable_bytes(std::span(messages[r])).subspan(first);
  }
  comm.AllToAll(Traffic::kControl, place, send, recv);
  return messages;
}

}  // namespace

std::vector<std::string> AllGather(Communicator& comm, Place place, const std::string& mine) {
  const std::vector<const std::string*> to(comm.size(), &mine);
  return ExchangeMessages(comm, place, to, std::vector<bool>(comm.size(), true));
}

std::vector<std::string> GatherToRoot(Communicator& comm, Place place, const std::string& mine) {
  std::vector<const std::string*> to(comm.size());
  to[0] = &mine;
  return ExchangeMessages(comm, place, to, std::vector<bool>(comm.size(), comm.rank() == 0));
}

std::string ScatterFromRoot(Communicator& comm, Place place,
                            const std::vector<std::string>& parts) {
  std::vector<const std::string*> to(comm.size());
  if (comm.rank() == 0) {
    OCTET_CHECK(std::ssize(parts) == comm.size());
    for (int r = 0; r < comm.size(); ++r) to[r] = &parts[r];
  }
  std::vector<bool> from(comm.size());
  from[0] = true;
  return ExchangeMessages(comm, place, to, from)[0];
}

}  // namespace octet

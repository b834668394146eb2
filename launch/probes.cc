#include "launch/probes.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>

#include "kernels/backend.h"
#include "kernels/check.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/thread_pool.h"
#include "parallel/collectives.h"

namespace octet {
namespace {

constexpr int kRepeats = 7;

double Seconds(absl::FunctionRef<void()> f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Collective.
ExchangeRate ProbeMessages(int rank, int num_ranks, PlainExchange exchange, int64_t bytes) {
  constexpr int64_t kBytesPerCall = int64_t{16} << 20;
  const int64_t num_others = num_ranks - 1;
  const int64_t rounds = std::clamp<int64_t>(kBytesPerCall / bytes / num_others, 1, 200);
  std::vector<std::byte> out(bytes);
  std::vector<std::byte> in(bytes * num_ranks);
  std::vector<ConstBytes> send(num_ranks, out);
  std::vector<Bytes> recv(num_ranks);
  for (int r = 0; r < num_ranks; ++r) recv[r] = std::span(in).subspan(r * bytes, bytes);
  send[rank] = {};
  recv[rank] = {};
  const double seconds = MedianSeconds([&] {
    for (int64_t i = 0; i < rounds; ++i) exchange(send, recv);
  });
  const double one = seconds / static_cast<double>(rounds);
  return {.message_bytes = bytes,
          .seconds = one,
          .bytes_per_second = static_cast<double>(bytes * num_others) / one};
}

}  // namespace

double MedianSeconds(absl::FunctionRef<void()> f) {
  f();
  std::array<double, kRepeats> seconds;
  for (double& s : seconds) s = Seconds(f);
  std::nth_element(seconds.begin(), seconds.begin() + kRepeats / 2, seconds.end());
  return seconds[kRepeats / 2];
}

double DramBandwidth(Isa isa, int num_threads) {
  constexpr int64_t kFloats = int64_t{64} << 20;  // for each thread
  constexpr int64_t kFloatsAtATime = 4096;
  const auto backend = MakeCpuBackend(isa, 1);  // for its memory: in huge pages, as weights are
  std::vector<Buffer> memory(num_threads);
  for (Buffer& m : memory) m = backend->Allocate(kFloats * sizeof(float));
  const auto floats = [&](int t) { return reinterpret_cast<float*>(memory[t].data()); };
  ThreadPool threads(num_threads);
  threads.Run([&](int t) { std::fill_n(floats(t), kFloats, 1.0F); });
  std::vector<float> maxima(num_threads);
  const double seconds = MedianSeconds([&] {
    threads.Run([&](int t) {
      for (int64_t i = 0; i < kFloats; i += kFloatsAtATime) {
        maxima[t] = std::max(maxima[t], KernelsFor(isa).row_max(floats(t) + i, kFloatsAtATime));
      }
    });
  });
  for (const float max : maxima) OCTET_CHECK(max == 1);
  return static_cast<double>(num_threads) * kFloats * sizeof(float) / seconds;
}

double DotProductRate(Isa isa, DType dtype, int num_threads) {
  constexpr int64_t kRounds = 4'000'000;
  ThreadPool threads(num_threads);
  std::vector<double> operations(num_threads);
  const double seconds = MedianSeconds([&] {
    threads.Run([&](int t) { operations[t] = KernelsFor(isa).dot_product_loop(dtype, kRounds); });
  });
  double sum = 0;
  for (const double o : operations) sum += o;
  return sum / seconds;
}

std::vector<ExchangeRate> ProbeExchange(int rank, int num_ranks, PlainExchange exchange) {
  std::vector<ExchangeRate> rates;
  if (num_ranks == 1) return rates;
  for (int64_t bytes = 1 << 10; bytes <= 4 << 20; bytes *= 4) {
    rates.push_back(ProbeMessages(rank, num_ranks, exchange, bytes));
  }
  return rates;
}

std::vector<ExchangeRate> ProbeExchange(Communicator& comm) {
  return ProbeExchange(comm.rank(), comm.size(), [&](auto send, auto recv) {
    comm.AllToAll(Traffic::kControl, {"probe"}, send, recv);
  });
}

std::vector<double> GatherNumbers(Communicator& comm, double mine) {
  const std::string_view bytes(reinterpret_cast<const char*>(&mine), sizeof(mine));
  std::vector<double> all;
  for (const std::string& theirs : GatherToRoot(comm, {"probes"}, bytes)) {
    if (theirs.empty()) continue;  // not on rank 0
    OCTET_CHECK_EQ(theirs.size(), sizeof(mine));
    std::memcpy(&all.emplace_back(), theirs.data(), sizeof(mine));
  }
  return all;
}

MachineRates ProbeMachines(Communicator& world, Isa isa, DType dtype, int num_threads) {
  const auto own = world.MakeGroup(world.size());  // whose bytes and waits are not the job's
  MachineRates rates;
  rates.exchange = ProbeExchange(*own);
  rates.dram = GatherNumbers(*own, DramBandwidth(isa, num_threads));
  for (const double rate : GatherNumbers(*own, DotProductRate(isa, dtype, num_threads))) {
    rates.dot_products += rate;
  }
  return rates;
}

}  // namespace octet

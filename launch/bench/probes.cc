#include "launch/bench/probes.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <string_view>

#include "kernels/base/backend.h"
#include "kernels/base/check.h"
#include "kernels/cpu/cache_sizes.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cpu/thread_pool.h"
#include "launch/bench/number_pattern.h"
#include "launch/statistics/statistics.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

constexpr int kRepeats = 7;

double Seconds(absl::FunctionRef<void()> f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The time of a timed loop: long beside a switch of threads.
constexpr double kLoopSeconds = 0.02;

// Returns the number of calls that take about `seconds`, at least one.
int64_t CallsWithin(double seconds, absl::FunctionRef<void()> f) {
  f();
  return std::max<int64_t>(1, static_cast<int64_t>(seconds / Seconds(f)));
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

// The memory of each thread, in huge pages like weights. One thread allocates it; each thread
// touches its own first.
class ThreadMemory {
 public:
  ThreadMemory(int num_threads, int64_t bytes_per_thread)
      : backend_(MakeCpuBackend(SupportedIsas().front(), 1)), memory_(num_threads) {
    for (Buffer& m : memory_) m = backend_->Allocate(bytes_per_thread);
  }

  float* floats(int thread) const { return reinterpret_cast<float*>(memory_[thread].data()); }
  size_t bytes() const { return memory_.size() * memory_.front().bytes(); }

 private:
  std::unique_ptr<Backend> backend_;
  std::vector<Buffer> memory_;
};

// The numbers of streams that a thread reads in turn. The best one depends on the machine.
constexpr int kMostStreams = 8;
constexpr int kStreams[] = {1, 4, kMostStreams};

// A reader whose threads read memory of their own with a path's vectors.
class DramReader {
 public:
  DramReader(Isa isa, int num_threads, int64_t bytes_per_thread)
      : kernels_(KernelsFor(isa)),
        floats_(bytes_per_thread / kBlock * kFloatsAtATime * kMostStreams),
        memory_(num_threads, floats_ * static_cast<int64_t>(sizeof(float))),
        threads_(num_threads) {
    threads_.Run([&](int t) { std::fill_n(memory_.floats(t), floats_, 1.0F); });
  }

  // Reads all memory once.
  void Read(int streams) {
    const int64_t stream = floats_ / streams;
    threads_.Run([&](int t) {
      float max = 0;
      for (int64_t i = 0; i < stream; i += kFloatsAtATime) {
        for (int s = 0; s < streams; ++s) {
          const float* next = memory_.floats(t) + s * stream + i;
          Prefetch(next + kFloatsAhead);
          max = std::max(max, kernels_.row_max(next, kFloatsAtATime));
        }
      }
      OCTET_CHECK(max == 1);
    });
  }

  // Returns the bytes per second of a read that took `seconds`.
  double Rate(double seconds) const { return static_cast<double>(memory_.bytes()) / seconds; }

 private:
  static constexpr int64_t kFloatsAtATime = 256;
  static constexpr int64_t kFloatsAhead = 16 * kFloatsAtATime;
  static constexpr int64_t kBlock = kFloatsAtATime * kMostStreams * sizeof(float);

  // As products with weights do. Without it, Zen 5 reads a third less. The end of the memory is no
  // matter.
  static void Prefetch(const float* piece) {
    constexpr int64_t kLine = 64 / sizeof(float);
    for (int64_t i = 0; i < kFloatsAtATime; i += kLine) __builtin_prefetch(piece + i, 0, 2);
  }

  const CpuKernels& kernels_;
  const int64_t floats_;  // of each thread
  const ThreadMemory memory_;
  ThreadPool threads_;
};

}  // namespace

double MedianSeconds(absl::FunctionRef<void()> f) {
  f();
  std::vector<double> seconds(kRepeats);
  for (double& s : seconds) s = Seconds(f);
  return Median(std::move(seconds));
}

std::vector<DramRate> ProbeDram(Isa isa, int num_threads, int64_t bytes_per_thread) {
  DramReader reader(isa, num_threads, bytes_per_thread);
  std::vector<DramRate> rates;
  for (const int streams : kStreams) {
    DramRate& rate = rates.emplace_back();
    rate.set_streams(streams);
    rate.set_bytes_per_second(reader.Rate(MedianSeconds([&] { reader.Read(streams); })));
  }
  return rates;
}

double DramBandwidth(Isa isa, int num_threads) {
  DramReader reader(isa, num_threads, kProbedBytes);
  std::map<double, int> streams_by_seconds;
  for (int i = 0; i < 2; ++i) {  // the first may have been disturbed
    for (const int streams : kStreams) {
      streams_by_seconds[Seconds([&] { reader.Read(streams); })] = streams;
    }
  }
  const int best = streams_by_seconds.begin()->second;
  return reader.Rate(MedianSeconds([&] { reader.Read(best); }));
}

double DramCopyRate(int num_threads, int64_t bytes_per_thread) {
  const int64_t half = bytes_per_thread / 2;
  const ThreadMemory memory(num_threads, 2 * half);
  ThreadPool threads(num_threads);
  const auto copy = [&] {
    threads.Run([&](int t) { std::memcpy(memory.floats(t) + half / 4, memory.floats(t), half); });
  };
  threads.Run([&](int t) { std::fill_n(memory.floats(t), half / 4, 1.0F); });
  return static_cast<double>(memory.bytes()) / MedianSeconds(copy);
}

double DotProductRate(Isa isa, WeightFormat format, int num_threads) {
  constexpr int64_t kRounds = 100'000;
  const auto loop = KernelsFor(isa).dot_product_loop;
  const int64_t rounds = kRounds * CallsWithin(kLoopSeconds, [&] { loop(format, kRounds); });
  ThreadPool threads(num_threads);
  std::vector<double> operations(num_threads);
  const double seconds =
      MedianSeconds([&] { threads.Run([&](int t) { operations[t] = loop(format, rounds); }); });
  double sum = 0;
  for (const double o : operations) sum += o;
  return sum / seconds;
}

double L2DotProductRate(Isa isa, WeightFormat format, int num_threads) {
  constexpr int64_t kRows = 64;
  const auto row_bytes = static_cast<int64_t>(RowBytes(format, kChunk));
  const int64_t outputs =
      std::max<int64_t>(16, static_cast<int64_t>(L2BytesPerCore()) / 2 / row_bytes / 16 * 16);
  const NumberPattern pattern(std::max(outputs, kRows), kChunk);
  ThreadPool threads(num_threads);
  std::vector<double> rates(num_threads);
  threads.Run([&](int t) {
    const auto backend = MakeCpuBackend(isa, 1);
    PackedMatrix w = AllocatePacked(*backend, format, outputs, kChunk);
    if (!IsQuantised(format)) pattern.PackInto(*backend, 0, outputs, 0, 1, w);
    const DType dtype = IsQuantised(format) ? DType::kF32 : ElementType(format);
    const auto x = pattern.Copy(*backend, 1, kRows, kChunk, dtype);
    const Buffer y = backend->Allocate(kRows * outputs * sizeof(float));
    const auto multiply = [&] {
      backend->Matmul(x.matrix, w, {y.data(), DType::kF32, kRows, outputs, outputs});
    };
    const int64_t calls = CallsWithin(kLoopSeconds, multiply);
    const double seconds = MedianSeconds([&] {
      for (int64_t i = 0; i < calls; ++i) multiply();
    });
    rates[t] = 2.0 * kRows * outputs * kChunk * static_cast<double>(calls) / seconds;
  });
  return std::reduce(rates.begin(), rates.end());
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
    AllToAll(comm, Traffic::kControl, {"probe"}, send, recv);
  });
}

std::vector<double> GatherNumbers(Communicator& comm, double mine) {
  std::vector<double> all;
  for (const std::vector<double>& theirs : GatherNumbers(comm, std::vector<double>{mine})) {
    all.push_back(theirs.front());
  }
  return all;
}

std::vector<std::vector<double>> GatherNumbers(Communicator& comm,
                                               const std::vector<double>& mine) {
  const std::string_view bytes(reinterpret_cast<const char*>(mine.data()),
                               mine.size() * sizeof(double));
  std::vector<std::vector<double>> all;
  for (const std::string& theirs : GatherToRoot(comm, {"probes"}, bytes)) {
    if (theirs.empty()) continue;  // not on rank 0
    OCTET_CHECK_EQ(theirs.size(), bytes.size());
    std::memcpy(all.emplace_back(mine.size()).data(), theirs.data(), theirs.size());
  }
  return all;
}

RankRates ProbeProcessor(Isa isa, WeightFormat format, int num_threads) {
  RankRates rates = {.dram = DramBandwidth(isa, num_threads),
                     .dot_products = DotProductRate(isa, format, num_threads)};
  rates.float32_products = format == WeightFormat::kF32
                               ? rates.dot_products
                               : DotProductRate(isa, WeightFormat::kF32, num_threads);
  return rates;
}

MachineRates ProbeMachines(Communicator& world, absl::FunctionRef<RankRates()> probe) {
  const auto own =
      world.MakeGroup(world.size());  // so that bytes and waits do not count as the job's
  MachineRates rates;
  rates.exchange = ProbeExchange(*own);
  const RankRates mine = probe();
  const auto sum_over_ranks = [&](double rate) {
    const std::vector<double> each = GatherNumbers(*own, rate);
    return std::accumulate(each.begin(), each.end(), 0.0);
  };
  rates.dram = GatherNumbers(*own, mine.dram);
  rates.dot_products = sum_over_ranks(mine.dot_products);
  rates.float32_products = sum_over_ranks(mine.float32_products);
  return rates;
}

}  // namespace octet

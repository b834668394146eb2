#include "launch/bench/exchange_times.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>

#include "launch/bench/plain_copy.h"
#include "launch/bench/probes.h"
#include "launch/statistics/statistics.h"
#include "parallel/dispatch/host_dispatcher.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/host_group.h"

namespace octet {
namespace {

constexpr int64_t kLeastMessage = 8;
constexpr int64_t kMostMessage = int64_t{4} << 20;

double Slowest(Communicator& comm, double mine) {
  const std::vector<double> all = GatherNumbers(comm, mine);
  return all.empty() ? 0 : *std::max_element(all.begin(), all.end());  // empty: not rank 0
}

// Waits until all ranks have come. Uses plain messages, so that all continue at about the same
// time: a rank that waits in a Communicator sleeps.
void Meet(Communicator& comm, PlainExchange plain) {
  const std::vector<std::byte> out(1);
  std::vector<std::byte> in(comm.size());
  const std::vector<ConstBytes> send(comm.size(), out);
  std::vector<Bytes> recv(comm.size());
  for (int r = 0; r < comm.size(); ++r) recv[r] = std::span(in).subspan(r, 1);
  plain(send, recv);
}

// Returns the first other rank of rank 0's host, or the first of another host.
std::optional<int> FirstPeer(const Communicator& comm, bool same_host) {
  for (int r = 1; r < comm.size(); ++r) {
    if ((comm.hosts()[r] == comm.hosts()[0]) == same_host) return r;
  }
  return std::nullopt;
}

// Collective.
MessageTime MeasureMessage(Communicator& comm, PlainExchange plain, int peer, int64_t bytes) {
  constexpr int64_t kBytesPerCall = int64_t{4} << 20;
  const int64_t rounds = std::clamp<int64_t>(kBytesPerCall / bytes, 2, 200);
  const std::vector<std::byte> out(bytes);
  std::vector<std::byte> in(bytes);
  const auto move = [&](int from, int to) {
    std::vector<ConstBytes> send(comm.size());
    std::vector<Bytes> recv(comm.size());
    if (comm.rank() == from) send[to] = out;
    if (comm.rank() == to) recv[from] = in;
    plain(send, recv);
  };
  Meet(comm, plain);
  const double seconds = MedianSeconds([&] {
    for (int64_t i = 0; i < rounds; ++i) {
      move(0, peer);
      move(peer, 0);
    }
  });
  AllGather(comm, {"probe"}, "");  // in which the ranks without a part sleep
  MessageTime time;
  time.set_same_host(comm.hosts()[peer] == comm.hosts()[0]);
  time.set_message_bytes(bytes);
  time.set_seconds(seconds / static_cast<double>(2 * rounds));
  time.set_bytes_per_second(static_cast<double>(bytes) / time.seconds());
  return time;
}

enum Step { kDispatch, kPlainDispatch, kCombine, kPlainCombine, kLayer };
using StepSeconds = std::array<double, 5>;  // by Step

// One rank's part of the layer.
class Layer {
 public:
  Layer(Communicator& comm, PlainExchange plain, const ExpertPlacement& placement, Backend& backend,
        const ExchangeCase& exchange_case)
      : comm_(comm),
        plain_(plain),
        placement_(placement),
        backend_(backend),
        case_(exchange_case),
        routing_(case_.RoutingOf(comm.rank())),
        experts_(placement.LocalExperts(0, comm.rank())),
        workspace_([&](size_t bytes) { return backend.Allocate(bytes); }),
        x_(workspace_.Alloc(case_.tokens_per_rank, case_.hidden_size)),
        y_(workspace_.Alloc(case_.tokens_per_rank, case_.hidden_size)),
        dispatcher_(comm, placement, backend, workspace_,
                    {.max_tokens = case_.tokens_per_rank,
                     .hidden_size = case_.hidden_size,
                     .topk = case_.topk,
                     .dtype = case_.dtype},
                    ReplicaPolicy::kEven) {
    case_.FillInput(comm.rank(), x_);
    MakePlainCopies();
  }

  // Collective. Returns false if this rank got wrong values.
  bool IsRight() {
    for (int64_t t = 0; t < y_.rows; ++t) std::memset(y_.row(t), 0xff, y_.row_bytes());  // NaN
    Run();
    return case_.IsCombined(comm_.rank(), y_);
  }

  // Collective. In each round MPI's own messages go just before octet's, so that other load on the
  // machines affects both.
  StepSeconds Time() {
    StepSeconds seconds;
    seconds[kPlainDispatch] = Seconds([&] { plain_dispatch_->Run(plain_); });
    std::optional<TokensInFlight> tokens;
    const ExpertPlan* plan = nullptr;
    seconds[kDispatch] = Seconds([&] {
      tokens.emplace(dispatcher_.Dispatch(0, x_, routing_));
      plan = tokens->Next();
    });
    Matrix out;
    if (plan != nullptr) out = OutputsOf(*tokens, *plan);
    seconds[kPlainCombine] = Seconds([&] { plain_combine_->Run(plain_); });
    seconds[kCombine] = Seconds([&] {
      Return(*tokens, out);
      OutputsInFlight(std::move(*tokens)).Combine(y_);
    });
    seconds[kLayer] = Seconds([&] { Run(); });
    return seconds;
  }

  size_t dispatch_bytes() const { return plain_dispatch_->bytes_sent(); }
  size_t combine_bytes() const { return plain_combine_->bytes_sent(); }

 private:
  double Seconds(absl::FunctionRef<void()> f) {
    Meet(comm_, plain_);
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // Collective. Runs the layer: dispatch, the small work of these experts, and combine.
  void Run() {
    TokensInFlight tokens = dispatcher_.Dispatch(0, x_, routing_);
    while (const ExpertPlan* plan = tokens.Next()) {
      const Workspace::Scope scope(workspace_);
      tokens.Return(OutputsOf(tokens, *plan));
    }
    OutputsInFlight(std::move(tokens)).Combine(y_);
  }

  // Returns the outputs of the first part, and those of all later parts.
  void Return(TokensInFlight& tokens, ConstMatrix out) {
    if (out.rows == 0) return;
    tokens.Return(out);
    while (const ExpertPlan* plan = tokens.Next()) {
      const Workspace::Scope scope(workspace_);
      tokens.Return(OutputsOf(tokens, *plan));
    }
  }

  // Computes the outputs of this rank's experts.
  Matrix OutputsOf(const TokensInFlight& tokens, const ExpertPlan& plan) {
    const Matrix out = workspace_.Alloc(std::ssize(plan.rows), case_.hidden_size);
    backend_.GatherRows(tokens.rows(), plan.rows, out);
    for (size_t i = 0; i < experts_.size(); ++i) {
      const float factor = ExchangeCase::FactorOf(experts_[i]);
      for (int64_t row = plan.offsets[i]; row < plan.offsets[i + 1]; ++row) {
        for (int64_t c = 0; c < out.cols; ++c) out.f32(row)[c] *= factor;
      }
    }
    return out;
  }

  // Makes messages of the same sizes, from every rank's routing.
  void MakePlainCopies() {
    std::vector<Routing> routing;
    routing.reserve(comm_.size());
    for (int r = 0; r < comm_.size(); ++r) routing.push_back(case_.RoutingOf(r));
    const ExchangeRows rows =
        CountExchangeRows(placement_, FindHosts(comm_), ReplicaPolicy::kEven, routing);
    const auto hidden = static_cast<size_t>(case_.hidden_size);
    plain_dispatch_.emplace(comm_.rank(), rows.tokens, hidden * SizeOf(case_.dtype));
    plain_combine_.emplace(comm_.rank(), rows.returns, hidden * sizeof(float));
  }

  Communicator& comm_;
  PlainExchange plain_;
  const ExpertPlacement& placement_;
  Backend& backend_;
  const ExchangeCase& case_;
  Routing routing_;
  std::vector<int> experts_;
  Workspace workspace_;
  Matrix x_, y_;
  HostDispatcher dispatcher_;
  std::optional<PlainCopy> plain_dispatch_, plain_combine_;
};

// Returns the number of rounds, which is the same on all ranks.
int64_t CountRounds(const ExchangeCase& c) {
  constexpr int64_t kBytesPerRank = int64_t{256} << 20;
  return std::clamp<int64_t>(kBytesPerRank / (c.tokens_per_rank * c.topk * c.hidden_size * 4), 7,
                             101);
}

// Collective.
ExchangePhaseTime MakePhaseTime(Communicator& comm, size_t bytes, double seconds, double bound) {
  ExchangePhaseTime phase;
  const std::vector<double> sent = GatherNumbers(comm, static_cast<double>(bytes));
  phase.set_bytes(std::reduce(sent.begin(), sent.end()) / comm.size());
  phase.set_seconds(Slowest(comm, seconds));
  phase.set_bound_seconds(Slowest(comm, bound));
  if (comm.rank() == 0) phase.set_share_of_bound(phase.bound_seconds() / phase.seconds());
  return phase;
}

}  // namespace

std::vector<MessageTime> MeasureMessages(Communicator& comm, PlainExchange plain) {
  std::vector<MessageTime> times;
  for (const bool same_host : {true, false}) {
    const std::optional<int> peer = FirstPeer(comm, same_host);
    if (!peer) continue;
    for (int64_t bytes = kLeastMessage; bytes <= kMostMessage; bytes *= 8) {
      times.push_back(MeasureMessage(comm, plain, *peer, bytes));
    }
  }
  return times;
}

std::vector<AllToAllTime> MeasureAllToAll(Communicator& comm, PlainExchange plain) {
  const std::vector<ExchangeRate> mpi = ProbeExchange(comm.rank(), comm.size(), plain);
  const std::vector<ExchangeRate> ours = ProbeExchange(comm);
  std::vector<AllToAllTime> times(mpi.size());
  for (size_t i = 0; i < mpi.size(); ++i) {
    AllToAllTime& time = times[i];
    const auto sent = static_cast<double>(mpi[i].message_bytes * (comm.size() - 1));
    time.set_message_bytes(mpi[i].message_bytes);
    time.set_mpi_seconds(Slowest(comm, mpi[i].seconds));
    time.set_seconds(Slowest(comm, ours[i].seconds));
    if (comm.rank() != 0) continue;
    time.set_mpi_bytes_per_second(sent / time.mpi_seconds());
    time.set_bytes_per_second(sent / time.seconds());
  }
  return times;
}

MoeExchangeResult MeasureMoeExchange(Communicator& comm, PlainExchange plain,
                                     const ExpertPlacement& placement, Backend& backend,
                                     const ExchangeCase& exchange_case) {
  Layer layer(comm, plain, placement, backend, exchange_case);
  MoeExchangeResult result;
  result.right = layer.IsRight();
  std::array<std::vector<double>, std::tuple_size_v<StepSeconds>> seconds;  // by Step
  for (int64_t i = 0; i < CountRounds(exchange_case); ++i) {
    const StepSeconds round = layer.Time();
    for (size_t step = 0; step < round.size(); ++step) seconds[step].push_back(round[step]);
  }
  result.right = layer.IsRight() && result.right;
  MoeExchangeTime& time = result.time;
  time.set_tokens_per_rank(exchange_case.tokens_per_rank);
  time.set_hidden_size(exchange_case.hidden_size);
  time.set_experts(exchange_case.num_experts);
  time.set_experts_per_token(exchange_case.topk);
  time.set_dtype(Name(exchange_case.dtype));
  *time.mutable_dispatch() = MakePhaseTime(comm, layer.dispatch_bytes(), Median(seconds[kDispatch]),
                                           Median(seconds[kPlainDispatch]));
  *time.mutable_combine() = MakePhaseTime(comm, layer.combine_bytes(), Median(seconds[kCombine]),
                                          Median(seconds[kPlainCombine]));
  *time.mutable_layer() =
      MakePhaseTime(comm, layer.dispatch_bytes() + layer.combine_bytes(), Median(seconds[kLayer]),
                    Median(seconds[kPlainDispatch]) + Median(seconds[kPlainCombine]));
  return result;
}

}  // namespace octet

#include "parallel/dispatch/host_dispatcher.h"

#include <algorithm>

#include "kernels/base/check.h"
#include "parallel/dispatch/host_flags.h"
#include "parallel/transport/host_group.h"

namespace octet {
namespace {

// Consecutive rows of a dense matrix, as bytes.
Bytes RowBytes(Matrix m, int64_t first, int64_t rows) {
  const Matrix part = m.Rows(first, rows);
  return {part.data, static_cast<size_t>(rows) * part.row_bytes()};
}

void Append(std::span<const std::byte> bytes, std::vector<std::byte>& to) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// Returns a topology in which each rank is a host of its own.
HostTopology Apart(int num_ranks) {
  std::vector<std::string> names(num_ranks);
  for (int r = 0; r < num_ranks; ++r) names[r] = std::to_string(r);
  return HostTopology(names);
}

}  // namespace

HostDispatcher::HostDispatcher(Communicator& comm, const ExpertPlacement& placement,
                               Backend& backend, Workspace& workspace, const DispatchLimits& limits,
                               ReplicaPolicy policy)
    : comm_(comm),
      placement_(placement),
      backend_(backend),
      workspace_(workspace),
      host_workspace_([&backend](size_t bytes) { return backend.AllocateOnHost(bytes); }),
      limits_(limits),
      policy_(policy),
      hosts_(FindHosts(comm)),
      letters_(comm.MakeExchange()),
      tokens_(comm.MakeExchange()),
      returned_(comm.MakeExchange()),
      leaving_returns_(comm.MakeExchange()) {
  MapBoard();
  index_ = hosts_.index_on_host(comm.rank());
  replicas_.emplace(placement, hosts_, comm.rank(), policy);
  if (hosts_.num_hosts() > 1) receiver_.emplace(comm, hosts_, board_, limits);
  Reserve();
  for (int l = 0; l < placement.num_layers(); ++l) {
    local_experts_.push_back(placement.LocalExperts(l, comm.rank()));
  }
}

void HostDispatcher::MapBoard() {
  board_ = HostBoard(hosts_, comm_.rank(), limits_, placement_.num_experts());
  absl::StatusOr<Buffer> memory =
      MapHostMemory(comm_, GroupOf(hosts_, comm_.rank()), board_.bytes());
  shared_memory_ = memory.status();
  if (memory.ok()) {
    memory_ = *std::move(memory);
  } else {
    hosts_ = Apart(comm_.size());
    board_ = HostBoard(hosts_, comm_.rank(), limits_, placement_.num_experts());
    memory_ = backend_.AllocateOnHost(board_.bytes());
  }
  board_.Map(memory_.data());
  backend_.ShareHostMemory({memory_.data(), memory_.bytes()});
}

// Reserves for all cases, so that no step allocates because its tokens are spread in a new way.
void HostDispatcher::Reserve() {
  const int64_t most_sources = comm_.size();
  const int64_t most_messages = std::min(limits_.max_pairs(), most_sources);
  owner_of_.reserve(limits_.max_pairs());
  owners_here_.reserve(board_.num_ranks());
  spare_plan_.Reserve(limits_.max_pairs());
  expert_plan_.Reserve(limits_.pairs_at_a_time(comm_.size()));
  sources_.reserve(most_sources);
  pairs_.reserve(most_sources);
  send_.reserve(most_sources);
  recv_.reserve(most_messages);
  parcels_.reserve(most_messages);
  letter_bytes_.reserve(limits_.max_pairs() * (sizeof(OwnerPairs) + sizeof(RoutedPair)));
}

void HostDispatcher::ExpertsMoved(int layer) {
  replicas_.emplace(placement_, hosts_, comm_.rank(), policy_);
  local_experts_[layer] = placement_.LocalExperts(layer, comm_.rank());
}

TokensInFlight HostDispatcher::Dispatch(int layer, ConstMatrix x, const Routing& routing) {
  const Activity::Scope place({"routing", layer});
  OCTET_CHECK(x.rows == routing.num_tokens && x.rows <= limits_.max_tokens);
  ++number_;
  ticket_ = comm_.NextTicket();
  round_ = 0;
  Workspace::Scope scope(host_workspace());
  backend_.Convert(x, OwnTokens(x.rows));
  backend_.Synchronize();
  ChooseOwners(layer, routing);
  SendPlan plan = PlanSend(routing, owner_of_, comm_.rank(), hosts_, std::move(spare_plan_));
  CountReadInPlace(plan);
  if (receiver_) {
    ReceiveReturns(layer, plan);
    SendToOtherHosts(layer, plan);
  }
  board_.WriteLetter(index_, number_, plan.LetterTo(plan.own_host));
  board_.flags(index_).staged.store(number_, std::memory_order_release);
  if (receiver_) {
    receiver_->Begin(number_, layer, ticket_);
    comm_.Attend(*receiver_);
  }
  return Depart(*this, layer, std::move(plan), std::move(scope));
}

// No rank writes the counts of the next exchange while others still read these: before the next
// exchange, a rank waits until all ranks have staged.
void HostDispatcher::ChooseOwners(int layer, const Routing& routing) {
  if (replicas_->NeedsCounts(layer)) {
    const std::span<int32_t> mine = board_.expert_counts(index_);
    std::ranges::fill(mine, 0);
    for (const int32_t expert : routing.topk_idx) ++mine[expert];
    board_.flags(index_).counted.store(number_, std::memory_order_release);
    HostFlags counts(board_, hosts_, hosts_.ranks_of(hosts_.host_of(comm_.rank())),
                     &HostBoard::Flags::counted, number_);
    comm_.Wait(counts, Traffic::kRouting, {"routing", layer});
  }
  replicas_->Choose(layer, routing,
                    {.num_experts = placement_.num_experts(), .counts = board_.expert_counts()},
                    owner_of_);
}

void HostDispatcher::CountReadInPlace(const SendPlan& plan) {
  const Letter letter = plan.LetterTo(plan.own_host);
  const auto row_bytes = static_cast<int64_t>(board_.tokens().row_bytes());
  for (const OwnerPairs& owner : letter.owners) {
    if (owner.rank == comm_.rank()) continue;
    comm_.CountReadInPlace(Traffic::kDispatch, CountTokens(letter.PairsOf(owner)) * row_bytes);
  }
}

// Starts to receive the outputs of experts on other hosts.
void HostDispatcher::ReceiveReturns(int layer, const SendPlan& plan) {
  recv_.clear();
  for (const OwnerPairs& owner : plan.owners) {
    if (hosts_.host_of(owner.rank) == plan.own_host.host) continue;
    recv_.push_back(
        {owner.rank, RowBytes(board_.returns(), board_.own_returns(index_) + owner.first_return,
                              owner.num_returns)});
  }
  comm_.Start(*returned_, {Traffic::kCombine, {"combine", layer}, ticket_}, {}, recv_);
}

void HostDispatcher::SendToOtherHosts(int layer, const SendPlan& plan) {
  const Matrix rows =
      host_workspace().AllocDense(std::ssize(plan.tokens), limits_.hidden_size, limits_.dtype);
  backend_.GatherRows(OwnTokens(limits_.max_tokens), plan.tokens, rows);
  parcels_.clear();
  letter_bytes_.clear();
  for (const SendPlan::Host& host : plan.hosts) {
    const Letter letter = plan.LetterTo(host);
    parcels_.push_back(plan.ParcelTo(host, comm_.rank()));
    Append(std::as_bytes(letter.owners), letter_bytes_);
    Append(std::as_bytes(letter.pairs), letter_bytes_);
  }
  board_.WriteOutgoing(index_, parcels_);
  backend_.Synchronize();
  const auto send = [&](Exchange& exchange, Traffic kind, auto bytes_for) {
    send_.clear();
    for (size_t i = 0; i < parcels_.size(); ++i) {
      send_.push_back({hosts_.ReceiverOf(comm_.rank(), parcels_[i].host), bytes_for(i)});
    }
    comm_.Start(exchange, {kind, {"combine", layer}, ticket_}, send_, {});  // until Combine()
  };
  ConstBytes letters_left = letter_bytes_;
  send(*letters_, Traffic::kRouting, [&](size_t i) {
    const ConstBytes letter = letters_left.first(parcels_[i].letter_bytes());
    letters_left = letters_left.subspan(letter.size());
    return letter;
  });
  send(*tokens_, Traffic::kDispatch, [&](size_t i) -> ConstBytes {
    return RowBytes(rows, plan.hosts[i].first_token, plan.hosts[i].num_tokens);
  });
}

// A wait for the tokens of a round.
class HostDispatcher::RoundArrives : public PendingWork {
 public:
  explicit RoundArrives(HostDispatcher& dispatcher) : d_(dispatcher) {}

  bool Poll() override {
    if (CountStaged() < d_.board_.num_ranks()) return false;
    if (!d_.receiver_) return true;
    d_.receiver_->Poll();
    return d_.receiver_->is_announced() &&
           std::ranges::all_of(d_.receiver_->arrivals(),
                               [this](const Arrival& arrival) { return IsHere(arrival); });
  }
  bool all_have_come() const override { return d_.receiver_ && d_.receiver_->all_have_come(); }
  int64_t moves() const override {
    return CountStaged() + (d_.receiver_ ? d_.receiver_->moves() : 0);
  }
  void Visit(Visitor visit) const override {
    for (int i = 0; i < d_.board_.num_ranks(); ++i)
      See(i, d_.board_.HasStaged(i, d_.number_), visit);
    if (!d_.receiver_) return;
    d_.receiver_->Visit(visit);
    if (!d_.receiver_->is_announced()) return;
    for (const Arrival& arrival : d_.receiver_->arrivals()) {
      if (arrival.receiver != d_.index_) See(arrival.receiver, IsHere(arrival), visit);
    }
  }

 private:
  int CountStaged() const { return d_.board_.CountStaged(d_.number_); }
  void See(int index, bool done, Visitor visit) const {
    visit({.rank = d_.RankOnHost(index), .late = !done, .moved = done ? 1 : 0});
  }
  // Also true for a parcel of a later round.
  bool IsHere(const Arrival& arrival) const {
    return arrival.round >= d_.round_ || d_.receiver_->HasArrived(arrival);
  }

  HostDispatcher& d_;
};

const ExpertPlan* HostDispatcher::NextPart(int layer) {
  while (next_source_ == std::ssize(sources_)) {
    if (!NextRound(layer)) return nullptr;
  }
  first_source_ = next_source_;
  pairs_.clear();
  int64_t num_pairs = 0;
  int32_t leaving = board_.leaving_returns(index_);
  while (next_source_ < std::ssize(sources_)) {
    Source& source = sources_[next_source_];
    num_pairs += std::ssize(source.pairs.pairs);
    if (!pairs_.empty() && num_pairs > limits_.pairs_at_a_time(comm_.size())) break;
    if (source.leaves)
      source.pairs.first_result = std::exchange(leaving, leaving + source.num_returns);
    pairs_.push_back(source.pairs);
    ++next_source_;
  }
  expert_plan_ = PlanExperts(pairs_, local_experts_[layer], placement_.num_experts(), limits_.topk,
                             std::move(expert_plan_));
  return &expert_plan_;
}

bool HostDispatcher::NextRound(int layer) {
  HostBoard::Flags& flags = board_.flags(index_);
  const int num_rounds = receiver_ ? std::max(1, receiver_->num_rounds()) : 1;
  if (round_ > 0)
    flags.consumed.store(HostBoard::AfterRounds(number_, round_), std::memory_order_release);
  if (round_ > 0 && round_ == num_rounds) {
    flags.returned.store(number_, std::memory_order_release);
    if (receiver_) comm_.Leave(*receiver_);
    return false;
  }
  ++round_;
  RoundArrives arrives(*this);
  comm_.Wait(arrives, Traffic::kDispatch, {"dispatch", layer});
  FindSources();
  return true;
}

void HostDispatcher::FindSources() {
  sources_.clear();
  next_source_ = 0;
  for (int i = 0; i < board_.num_ranks() && round_ == 1; ++i) {
    AddSource(RankOnHost(i), board_.ReadLetter(i, number_), board_.own_tokens(i),
              board_.own_returns(i));
  }
  if (!receiver_) return;
  for (const Arrival& a : receiver_->arrivals()) {
    if (a.round + 1 != round_) continue;
    const int32_t first_row = board_.arriving_tokens(a.receiver) + a.first_row;
    AddSource(a.parcel.home, receiver_->ReadLetter(a), first_row, kLeaves);
  }
}

void HostDispatcher::AddSource(int home, const Letter& letter, int32_t first_row,
                               int32_t first_result) {
  const OwnerPairs* mine = letter.Find(comm_.rank());
  if (mine == nullptr) return;
  sources_.push_back({.home = home,
                      .leaves = first_result == kLeaves,
                      .pairs = {.pairs = letter.PairsOf(*mine),
                                .first_row = first_row,
                                .first_result = first_result + mine->first_return},
                      .num_returns = mine->num_returns});
}

void HostDispatcher::Return(int layer, ConstMatrix out) {
  FinishLeaving();
  backend_.WeightedSum(out, expert_plan_.returns, board_.returns());
  backend_.Synchronize();
  send_.clear();
  for (int64_t i = first_source_; i < next_source_; ++i) {
    const Source& source = sources_[i];
    const Bytes rows = RowBytes(board_.returns(), source.pairs.first_result, source.num_returns);
    if (source.leaves) {
      send_.push_back({source.home, rows});
    } else if (source.home != comm_.rank()) {
      comm_.CountReadInPlace(Traffic::kCombine, std::ssize(rows));
    }
  }
  if (send_.empty()) return;
  comm_.Start(*leaving_returns_, {Traffic::kCombine, {"combine", layer}, ticket_}, send_, {});
  returns_are_leaving_ = true;
}

void HostDispatcher::FinishLeaving() {
  if (std::exchange(returns_are_leaving_, false)) comm_.Finish(*leaving_returns_);
}

void HostDispatcher::Combine(int layer, SendPlan plan, Matrix y) {
  const Activity::Scope place({"combine", layer});
  FinishLeaving();
  if (receiver_) {
    comm_.Finish(*letters_);
    comm_.Finish(*tokens_);
    comm_.Finish(*returned_);
  }
  owners_here_.clear();
  for (const OwnerPairs& owner : plan.LetterTo(plan.own_host).owners) {
    owners_here_.push_back(owner.rank);
  }
  HostFlags outputs(board_, hosts_, owners_here_, &HostBoard::Flags::returned, number_);
  comm_.Wait(outputs, Traffic::kCombine, {"combine", layer});
  const Matrix returned = board_.returns().Rows(board_.own_returns(index_), limits_.max_pairs());
  backend_.WeightedSum(returned, plan.combine, y);
  spare_plan_ = std::move(plan);
}

}  // namespace octet

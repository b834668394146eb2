#include "runtime/replay/step_model.h"

#include <algorithm>
#include <numeric>

#include "runtime/model/mixtral.h"
#include "runtime/replay/latest_time.h"

namespace octet {
namespace {

constexpr std::array<const char*, kNumReplayedTimes> kTimeNames = {
    "attention", "router",   "dispatch", "experts",    "combine",          "norms",
    "head",      "sampling", "control",  "late ranks", "exposed dispatch", "exposed combine"};

}  // namespace

const char* Name(ReplayedTime time) { return kTimeNames[static_cast<size_t>(time)]; }

StepModel::StepModel(const ClusterModel& cluster, const ReplayedModel& model,
                     const ExpertPlacement& placement, ReplicaPolicy policy,
                     const TokenTable& table, bool wants_all)
    : cluster_(cluster),
      model_(model),
      table_(table),
      wants_all_(wants_all),
      ranks_of_host_(cluster.num_hosts()),
      tokens_(kMaxMicroBatches),
      parts_(kMaxMicroBatches),
      now_(cluster.num_ranks()),
      variance_(cluster.num_ranks()),
      link_free_(cluster.ranks_are_devices() ? cluster.num_ranks() : cluster.num_hosts()) {
  const int ranks = cluster.num_ranks();
  const std::vector<std::string> names = cluster.ExchangeNames();
  for (int r = 0; r < ranks; ++r) ranks_of_host_[cluster.host_of(r)].push_back(r);
  const int size = placement.num_ranks();
  groups_.reserve(ranks / size);  // counts refer to `hosts`
  for (int first = 0; first < ranks; first += size) {
    Group& group = groups_.emplace_back(
        Group{{.first_rank = first, .hosts = HostTopology(std::span(names).subspan(first, size))}});
    group.routing.resize(size, {.topk = model.topk});
    group.rounds.resize(kMaxMicroBatches);
    for (int i = 0; i < kMaxMicroBatches; ++i) {
      group.counts.push_back(std::make_unique<ExchangeCounts>(placement, group.hosts, policy));
    }
  }
  for (StepPart& tokens : tokens_) tokens.Resize(ranks);
  for (Part& part : parts_) {
    for (auto* times : {&part.all_staged, &part.arrived, &part.all_done, &part.landed}) {
      times->resize(ranks);
    }
  }
  if (ranks <= kMostInMatrix) sent_bytes_.resize(int64_t{ranks} * ranks);
}

StepModel::Prediction StepModel::Predict(const ReplayedJob& job, const ReplayedStep& step) {
  std::ranges::fill(now_, 0);
  std::ranges::fill(variance_, 0);
  times_ = {};
  traffic_ = {};
  exchange_seconds_ = 0;
  std::ranges::fill(link_free_, 0);
  max_tokens_ = job.limits().MaxTokensPerRank();
  num_parts_ = *std::ranges::max_element(step.micro_batches);
  DivideStep(job, step, tokens_);
  for (const StepPart& part : tokens_) {
    for (const TokenLoad& load : part.loads) most_tokens_ = std::max(most_tokens_, load.tokens);
  }
  for (Part& part : parts_) {
    std::ranges::fill(part.landed, 0);
    std::ranges::fill(part.all_done, 0);
  }
  for (int layer = 0; layer < model_.num_layers; ++layer) PredictLayer(layer);
  EndStep();
  Prediction prediction = {.seconds = LastOf(0, cluster_.num_ranks()),
                           .exchange_seconds = exchange_seconds_,
                           .traffic = traffic_};
  for (const double now : now_) Add(ReplayedTime::kLateRanks, prediction.seconds - now);
  const double control = ControlSeconds(cluster_);
  prediction.seconds += control;
  for (int t = 0; t < kNumReplayedTimes; ++t) {
    prediction.times[t] = times_[t] / static_cast<double>(now_.size());
  }
  prediction.times[static_cast<size_t>(ReplayedTime::kControl)] = control;
  return prediction;
}

void StepModel::PredictLayer(int layer) {
  for (int p = 0; p < num_parts_; ++p) {
    Stage(layer, p);
    for (Group& group : groups_) {
      Route(group, layer, p);
      Arrive(group, p);
    }
  }
  for (int p = 0; p < num_parts_; ++p) {
    ComputeExperts(p);
    for (Group& group : groups_) Land(group, p);
  }
}

void StepModel::Stage(int layer, int index) {
  constexpr std::array kShares = {
      Share{ReplayedTime::kCombine,
            [](const PartCosts& c, const TokenLoad& l) { return c.Combine(l.tokens); }},
      Share{ReplayedTime::kNorms,
            [](const PartCosts& c, const TokenLoad& l) { return c.Norms(l.tokens); }},
      Share{ReplayedTime::kAttention,
            [](const PartCosts& c, const TokenLoad& l) { return c.Attention(l); }},
      Share{ReplayedTime::kRouter,
            [](const PartCosts& c, const TokenLoad& l) { return c.Router(l.tokens); }},
      Share{ReplayedTime::kDispatch,
            [](const PartCosts& c, const TokenLoad& l) { return c.Dispatch(l.tokens); }}};
  constexpr std::array kLastShares = {
      kShares[0], kShares[1],
      Share{ReplayedTime::kAttention,
            [](const PartCosts& c, const TokenLoad& l) { return c.LastAttention(l); }},
      Share{ReplayedTime::kRouter,
            [](const PartCosts& c, const TokenLoad& l) { return c.Router(l.last_tokens); }},
      Share{ReplayedTime::kDispatch,
            [](const PartCosts& c, const TokenLoad& l) { return c.Dispatch(l.last_tokens); }}};
  const Part& part = parts_[index];
  for (int r = 0; r < std::ssize(now_); ++r) {
    Wait(r, part.landed[r], part.all_done[r], ReplayedTime::kExposedCombine);
  }
  // Nothing is combined before the first layer.
  const std::span shares = IsLast(layer) ? std::span(kLastShares) : std::span(kShares);
  Work(layer == 0 ? shares.subspan(1) : shares, tokens_[index].loads);
}

// Waits until a time, of which the part until `others_ready` is for ranks that have more to do.
void StepModel::Wait(int rank, double until, double others_ready, ReplayedTime exposed) {
  if (until <= now_[rank]) return;
  const double late = std::clamp(others_ready, now_[rank], until);
  Add(ReplayedTime::kLateRanks, late - now_[rank]);
  Add(exposed, until - late);
  now_[rank] = until;
  variance_[rank] = 0;
}

void StepModel::Advance(int rank, const SharedWork& work) {
  now_[rank] = work.end;
  variance_[rank] += cluster_.host_of_rank(rank).jitter() * (work.end - work.start);
}

double StepModel::LastOf(int first_rank, int num_ranks) const {
  LatestTime latest;
  for (int r = first_rank; r < first_rank + num_ranks; ++r) latest.Add(now_[r], variance_[r]);
  return latest.mean();
}

void StepModel::Work(std::span<const Share> shares, std::span<const TokenLoad> loads) {
  for (const std::vector<int>& ranks : ranks_of_host_) {
    const HostModel& host = cluster_.host_of_rank(ranks.front());
    shared_.clear();
    alone_.clear();  // [ranks of the host, shares]
    for (const int r : ranks) {
      SharedWork& work = shared_.emplace_back(SharedWork{.start = now_[r]});
      for (const Share& share : shares) {
        const auto seconds = [&](const PartCosts& c) { return share.seconds(c, loads[r]); };
        work.alone += alone_.emplace_back(host.Seconds(1, seconds));
        work.together += host.Seconds(host.num_ranks(), seconds);
      }
    }
    RunShared(shared_);
    for (size_t i = 0; i < ranks.size(); ++i) {
      const SharedWork& work = shared_[i];
      Advance(ranks[i], work);
      if (work.alone <= 0) continue;
      for (size_t s = 0; s < shares.size(); ++s) {
        Add(shares[s].time, (work.end - work.start) * alone_[i * shares.size() + s] / work.alone);
      }
    }
  }
}

void StepModel::Route(Group& group, int layer, int part) {
  const int64_t slots = int64_t{table_.num_layers} * table_.topk;
  for (int i = 0; i < std::ssize(group.routing); ++i) {
    const int rank = group.first_rank + i;
    const std::vector<int64_t>& rows =
        IsLast(layer) ? tokens_[part].last_rows[rank] : tokens_[part].rows[rank];
    Routing& routing = group.routing[i];
    routing.num_tokens = std::ssize(rows);
    routing.topk_idx.clear();
    for (const int64_t row : rows) {
      const int16_t* experts = &table_.experts[row * slots + int64_t{layer} * table_.topk];
      routing.topk_idx.insert(routing.topk_idx.end(), experts, experts + table_.topk);
    }
  }
  group.counts[part]->Count(layer, group.routing);
  CountRounds(*group.counts[part], group.hosts, max_tokens_, group.rounds[part]);
  CountTraffic(group, *group.counts[part]);
}

// Returns when the links of the group's hosts have carried rows that are ready then, behind those
// that they still carry. The busiest host decides.
double StepModel::Carry(const Group& group, int part, RowWay way, double ready) {
  const double seconds = CarrySeconds(cluster_, model_, *group.counts[part], group, way);
  if (seconds == 0) return ready;
  const auto free_of = [&](int host) -> double& {
    const int rank = group.first_rank + group.hosts.ranks_of(host)[0];
    return link_free_[cluster_.ranks_are_devices() ? rank : cluster_.host_of(rank)];
  };
  double end = ready;
  for (int h = 0; h < group.hosts.num_hosts(); ++h) end = std::max(end, free_of(h));
  end += seconds;
  for (int h = 0; h < group.hosts.num_hosts(); ++h) free_of(h) = end;
  return end;
}

// Rows are there when all ranks of the group have staged theirs, and links have carried them. Those
// of a further round are sent when there is room for them.
void StepModel::Arrive(Group& group, int index) {
  Part& part = parts_[index];
  const int first = group.first_rank;
  const int ranks = group.hosts.num_ranks();
  const double staged = LastOf(first, ranks);
  const bool shares = group.hosts.num_hosts() < ranks;
  double arrived = staged + (shares ? cluster_.same_host().latency : 0);
  if (group.hosts.num_hosts() > 1) {
    arrived = std::max(arrived, Carry(group, index, RowWay::kToExperts, staged) +
                                    LatencyToExperts(cluster_, group));
  }
  for (int r = 0; r < ranks; ++r) {
    const int further = group.rounds[index][group.hosts.host_of(r)] - 1;
    part.all_staged[first + r] = staged;
    part.arrived[first + r] = arrived + further * LatencyOfMessage(cluster_, group);
  }
}

void StepModel::ComputeExperts(int index) {
  Part& part = parts_[index];
  for (int r = 0; r < std::ssize(now_); ++r) {
    Wait(r, part.arrived[r], part.all_staged[r], ReplayedTime::kExposedDispatch);
  }
  const int size = groups_.front().hosts.num_ranks();
  for (const std::vector<int>& ranks : ranks_of_host_) {
    const HostModel& host = cluster_.host_of_rank(ranks.front());
    shared_.clear();
    for (const int r : ranks) {
      const Group& group = groups_[r / size];
      const auto rows = group.counts[index]->expert_rows(r % size);
      const int rounds = group.rounds[index][group.hosts.host_of(r % size)];
      const auto seconds = [&](const PartCosts& costs) { return costs.Experts(rows, rounds); };
      shared_.push_back({.start = now_[r],
                         .alone = host.Seconds(1, seconds),
                         .together = host.Seconds(host.num_ranks(), seconds)});
    }
    RunShared(shared_);
    for (size_t i = 0; i < ranks.size(); ++i) {
      Add(ReplayedTime::kExperts, shared_[i].end - shared_[i].start);
      Advance(ranks[i], shared_[i]);
    }
  }
}

// Outputs leave a host when all of its ranks that have any are done, as far as the links are
// concerned: those of the whole group are carried behind its last rank.
void StepModel::Land(Group& group, int index) {
  Part& part = parts_[index];
  const int first = group.first_rank;
  const ExchangeCounts& counts = *group.counts[index];
  const auto is_far = [&](int home, int owner) {
    return group.hosts.host_of(owner) != group.hosts.host_of(home);
  };
  std::vector<bool> sends_far(group.hosts.num_ranks());
  for (int home = 0; home < group.hosts.num_ranks(); ++home) {
    for (const int32_t owner : counts.owners(home)) {
      if (is_far(home, owner)) sends_far[owner] = true;
    }
  }
  LatestTime last;
  for (int owner = 0; owner < group.hosts.num_ranks(); ++owner) {
    if (sends_far[owner]) last.Add(now_[first + owner], variance_[first + owner]);
  }
  const double carried = Carry(group, index, RowWay::kBack, last.mean());
  for (int home = 0; home < group.hosts.num_ranks(); ++home) {
    LatestTime done, near;
    double landed = 0;
    for (const int32_t owner : counts.owners(home)) {
      const double end = now_[first + owner];
      const double variance = variance_[first + owner];
      done.Add(end, variance);
      if (is_far(home, owner)) {
        landed = std::max(landed, carried + cluster_.LinkOf(first + home, first + owner).latency);
      } else {
        near.Add(owner == home ? end : end + cluster_.same_host().latency, variance);
      }
    }
    part.all_done[first + home] = done.mean();
    part.landed[first + home] = std::max({landed, near.mean(), done.mean()});
  }
}

void StepModel::EndStep() {
  constexpr std::array kShares = {
      Share{ReplayedTime::kHead,
            [](const PartCosts& c, const TokenLoad& l) { return c.Head(l.last_tokens); }},
      Share{ReplayedTime::kSampling,
            [](const PartCosts& c, const TokenLoad& l) { return c.Sampling(l.last_tokens); }},
      Share{ReplayedTime::kNorms,
            [](const PartCosts& c, const TokenLoad& l) { return c.Embedding(l.tokens); }},
      Share{ReplayedTime::kCombine,
            [](const PartCosts& c, const TokenLoad& l) { return c.Combine(l.last_tokens); }}};
  constexpr std::array kAllShares = {
      kShares[0], kShares[1], kShares[2],
      Share{ReplayedTime::kCombine,
            [](const PartCosts& c, const TokenLoad& l) { return c.Combine(l.tokens); }}};
  std::vector<TokenLoad> loads(now_.size());
  for (int p = 0; p < num_parts_; ++p) {
    for (int r = 0; r < std::ssize(now_); ++r) {
      Wait(r, parts_[p].landed[r], parts_[p].all_done[r], ReplayedTime::kExposedCombine);
      loads[r].tokens += tokens_[p].loads[r].tokens;
      loads[r].last_tokens += tokens_[p].loads[r].last_tokens;
    }
  }
  Work(wants_all_ ? kAllShares : kShares, loads);
}

void StepModel::CountTraffic(const Group& group, const ExchangeCounts& counts) {
  ReplayedTraffic traffic;
  traffic.AddExchange(model_, counts, group.hosts.num_ranks());
  traffic_.Add(traffic);
  exchange_seconds_ += ExchangeSeconds(cluster_, model_, counts, group, traffic) *
                       group.hosts.num_ranks() / static_cast<double>(now_.size());
  if (sent_bytes_.empty()) return;
  const int64_t ranks = std::ssize(now_);
  for (int home = 0; home < group.hosts.num_ranks(); ++home) {
    for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
      const PeerTraffic& t = peer.traffic;
      const int64_t from = group.first_rank + home;
      const int64_t to = group.first_rank + peer.rank;
      sent_bytes_[from * ranks + to] += t.letter_bytes + t.rows_sent * model_.dispatch_row_bytes;
      sent_bytes_[to * ranks + from] += t.returns_sent * model_.return_row_bytes;
    }
  }
}

}  // namespace octet

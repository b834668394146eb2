#include "runtime/replay/step_model.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "parallel/transport/rank_tree.h"
#include "runtime/model/mixtral.h"

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
      parts_(kMaxMicroBatches),
      now_(cluster.num_ranks()) {
  const int ranks = cluster.num_ranks();
  const std::vector<std::string> names = cluster.HostNames();
  for (int r = 0; r < ranks; ++r) ranks_of_host_[cluster.host_of(r)].push_back(r);
  const int size = placement.num_ranks();
  groups_.reserve(ranks / size);  // counts refer to `hosts`
  for (int first = 0; first < ranks; first += size) {
    Group& group = groups_.emplace_back(
        Group{.first_rank = first, .hosts = HostTopology(std::span(names).subspan(first, size))});
    group.routing.resize(size, {.topk = model.topk});
    for (int i = 0; i < kMaxMicroBatches; ++i) {
      group.counts.push_back(std::make_unique<ExchangeCounts>(placement, group.hosts, policy));
    }
  }
  for (Part& part : parts_) {
    part.loads.resize(ranks);
    part.rows.resize(ranks);
    part.last_rows.resize(ranks);
    for (auto* times : {&part.arrived, &part.all_done, &part.landed}) times->resize(ranks);
  }
  if (ranks <= kMostInMatrix) sent_bytes_.resize(int64_t{ranks} * ranks);
}

StepModel::Prediction StepModel::Predict(const ReplayedJob& job, const ReplayedStep& step) {
  std::ranges::fill(now_, 0);
  times_ = {};
  traffic_ = {};
  network_free_ = 0;
  DivideStep(job, step);
  for (int layer = 0; layer < model_.num_layers; ++layer) PredictLayer(layer);
  EndStep();
  Prediction prediction = {.seconds = *std::ranges::max_element(now_), .traffic = traffic_};
  for (const double now : now_) Add(ReplayedTime::kLateRanks, prediction.seconds - now);
  const double control = ControlSeconds();
  prediction.seconds += control;
  for (int t = 0; t < kNumReplayedTimes; ++t) {
    prediction.times[t] = times_[t] / static_cast<double>(now_.size());
  }
  prediction.times[static_cast<size_t>(ReplayedTime::kControl)] = control;
  return prediction;
}

// The steps to the ranks, and their results, go along a tree whose levels take a message each.
double StepModel::ControlSeconds() const {
  const bool shares = std::ranges::any_of(ranks_of_host_, [](auto& r) { return r.size() > 1; });
  double seconds = shares ? 2 * cluster_.same_host().latency : 0;
  for (int hosts = 1; hosts < cluster_.num_hosts(); hosts *= RankTree::kFanOut) {
    seconds += 2 * cluster_.network().latency;
  }
  return seconds;
}

void StepModel::DivideStep(const ReplayedJob& job, const ReplayedStep& step) {
  num_parts_ = *std::ranges::max_element(step.micro_batches);
  for (Part& part : parts_) {
    std::ranges::fill(part.loads, TokenLoad());
    std::ranges::fill(part.landed, 0);
    std::ranges::fill(part.all_done, 0);
    for (auto& rows : part.rows) rows.clear();
    for (auto& rows : part.last_rows) rows.clear();
  }
  for (int r = 0; r < cluster_.num_ranks(); ++r) {
    int64_t tokens = 0;
    for (const ReplayedChunk& chunk : step.ranks[r]) tokens += chunk.num_tokens;
    int64_t first = 0;
    for (const ReplayedChunk& chunk : step.ranks[r]) {
      for (int64_t i = 0; i < chunk.num_tokens; ++i) {
        int p = 0;
        while (first + i >= FirstOfMicroBatch(tokens, p + 1, step.micro_batches[r])) ++p;
        AddToken(job, chunk, i, r, parts_[p]);
      }
      first += chunk.num_tokens;
    }
  }
}

void StepModel::AddToken(const ReplayedJob& job, const ReplayedChunk& chunk, int64_t i, int rank,
                         Part& part) {
  TokenLoad& load = part.loads[rank];
  const int64_t position = chunk.position + i;
  const int64_t row = job.RowOf(chunk.sequence, position);
  ++load.tokens;
  part.rows[rank].push_back(row);
  if (chunk.num_tokens == 1) {
    ++load.decoding;
    load.decoding_positions += position + 1;
  } else {
    load.prompt_positions += position + 1;
  }
  if (!chunk.samples || i + 1 < chunk.num_tokens) return;
  ++load.last_tokens;
  part.last_rows[rank].push_back(row);
}

void StepModel::PredictLayer(int layer) {
  for (int p = 0; p < num_parts_; ++p) {
    Stage(layer, parts_[p]);
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

void StepModel::Stage(int layer, Part& part) {
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
  for (int r = 0; r < std::ssize(now_); ++r) {
    Wait(r, part.landed[r], part.all_done[r], ReplayedTime::kExposedCombine);
  }
  // Nothing is combined before the first layer.
  const std::span shares = IsLast(layer) ? std::span(kLastShares) : std::span(kShares);
  Work(layer == 0 ? shares.subspan(1) : shares, part.loads);
}

// Waits until a time, of which the part until `others_ready` is for ranks that have more to do.
void StepModel::Wait(int rank, double until, double others_ready, ReplayedTime exposed) {
  if (until <= now_[rank]) return;
  const double late = std::clamp(others_ready, now_[rank], until);
  Add(ReplayedTime::kLateRanks, late - now_[rank]);
  Add(exposed, until - late);
  now_[rank] = until;
}

void StepModel::Work(std::span<const Share> shares, std::span<const TokenLoad> loads) {
  for (const std::vector<int>& ranks : ranks_of_host_) {
    const HostModel& host = cluster_.host_of_rank(ranks.front());
    const auto sum = [&](int rank, int busy) {
      return host.Seconds(busy, [&](const PartCosts& costs) {
        double seconds = 0;
        for (const Share& share : shares) seconds += share.seconds(costs, loads[rank]);
        return seconds;
      });
    };
    shared_.clear();
    for (const int r : ranks) {
      shared_.push_back(
          {.start = now_[r], .alone = sum(r, 1), .together = sum(r, host.num_ranks())});
    }
    RunShared(shared_);
    for (size_t i = 0; i < ranks.size(); ++i) {
      const SharedWork& work = shared_[i];
      now_[ranks[i]] = work.end;
      if (work.alone <= 0) continue;
      for (const Share& share : shares) {
        const double alone = host.Seconds(
            1, [&](const PartCosts& costs) { return share.seconds(costs, loads[ranks[i]]); });
        Add(share.time, (work.end - work.start) * alone / work.alone);
      }
    }
  }
}

const std::vector<int64_t>& StepModel::RowsOf(const Part& part, int layer, int rank) const {
  return IsLast(layer) ? part.last_rows[rank] : part.rows[rank];
}

void StepModel::Route(Group& group, int layer, int part) {
  const int64_t slots = int64_t{table_.num_layers} * table_.topk;
  for (int i = 0; i < std::ssize(group.routing); ++i) {
    const std::vector<int64_t>& rows = RowsOf(parts_[part], layer, group.first_rank + i);
    Routing& routing = group.routing[i];
    routing.num_tokens = std::ssize(rows);
    routing.topk_idx.clear();
    for (const int64_t row : rows) {
      const int16_t* experts = &table_.experts[row * slots + int64_t{layer} * table_.topk];
      routing.topk_idx.insert(routing.topk_idx.end(), experts, experts + table_.topk);
    }
  }
  group.counts[part]->Count(layer, group.routing);
  CountTraffic(group, *group.counts[part]);
}

double StepModel::NetworkSeconds(const Group& group, int index, RowWay way) const {
  if (group.hosts.num_hosts() == 1) return 0;
  return BytesOfBusiestHost(model_, *group.counts[index], group.hosts, way) /
         cluster_.network().rate;
}

// Rows are there when all ranks of the group have staged theirs. Their sizes go to other hosts
// before them, in as many messages one after the other as the hosts' number has bits.
void StepModel::Arrive(Group& group, int index) {
  Part& part = parts_[index];
  const int first = group.first_rank;
  const std::span now = std::span(now_).subspan(first, group.hosts.num_ranks());
  const double staged = *std::ranges::max_element(now);
  part.all_staged = staged;
  double arrived = staged + (group.hosts.num_ranks() > 1 ? cluster_.same_host().latency : 0);
  if (group.hosts.num_hosts() > 1) {
    const auto hosts = static_cast<unsigned>(group.hosts.num_hosts());
    const double latency = (1 + std::bit_width(hosts - 1)) * cluster_.network().latency;
    const double seconds = NetworkSeconds(group, index, RowWay::kToExperts);
    const double sent = std::max(staged, network_free_) + seconds;
    if (seconds > 0) network_free_ = sent;
    arrived = std::max(arrived, sent + latency);
  }
  std::fill_n(part.arrived.begin() + first, now.size(), arrived);
}

void StepModel::ComputeExperts(int index) {
  Part& part = parts_[index];
  for (int r = 0; r < std::ssize(now_); ++r) {
    Wait(r, part.arrived[r], part.all_staged, ReplayedTime::kExposedDispatch);
  }
  const int size = groups_.front().hosts.num_ranks();
  for (const std::vector<int>& ranks : ranks_of_host_) {
    const HostModel& host = cluster_.host_of_rank(ranks.front());
    shared_.clear();
    for (const int r : ranks) {
      const auto rows = groups_[r / size].counts[index]->expert_rows(r % size);
      const auto seconds = [&](const PartCosts& costs) { return costs.Experts(rows); };
      shared_.push_back({.start = now_[r],
                         .alone = host.Seconds(1, seconds),
                         .together = host.Seconds(host.num_ranks(), seconds)});
    }
    RunShared(shared_);
    for (size_t i = 0; i < ranks.size(); ++i) {
      Add(ReplayedTime::kExperts, shared_[i].end - shared_[i].start);
      now_[ranks[i]] = shared_[i].end;
    }
  }
}

void StepModel::Land(Group& group, int index) {
  Part& part = parts_[index];
  const double back = NetworkSeconds(group, index, RowWay::kBack);
  const int first = group.first_rank;
  double sent = 0;
  for (int home = 0; home < group.hosts.num_ranks(); ++home) {
    double done = 0;
    double landed = 0;
    for (const int32_t owner : group.counts[index]->owners(home)) {
      const double end = now_[first + owner];
      const bool is_far = group.hosts.host_of(owner) != group.hosts.host_of(home);
      const LinkModel& link = is_far ? cluster_.network() : cluster_.same_host();
      const double queued = is_far ? std::max(end, network_free_) + back : end;
      if (is_far) sent = std::max(sent, queued);
      done = std::max(done, end);
      landed = std::max(landed, owner == home ? end : queued + link.latency);
    }
    part.all_done[first + home] = done;
    part.landed[first + home] = landed;
  }
  network_free_ = std::max(network_free_, sent);
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
      loads[r].tokens += parts_[p].loads[r].tokens;
      loads[r].last_tokens += parts_[p].loads[r].last_tokens;
    }
  }
  Work(wants_all_ ? kAllShares : kShares, loads);
}

void StepModel::CountTraffic(const Group& group, const ExchangeCounts& counts) {
  traffic_.AddExchange(model_, counts, group.hosts.num_ranks());
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

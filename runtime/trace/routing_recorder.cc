#include "runtime/trace/routing_recorder.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/check.h"
#include "kernels/base/dtype.h"

namespace octet {
namespace {

// Stores a value in the byte order of the processor: little-endian on all that octet runs on.
template <class T>
void Store(T value, char* to) {
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace

RoutingRecorder::RoutingRecorder(const RankCounters& counters, const ExpertPlacement& placement,
                                 int topk)
    : counters_(counters),
      placement_(placement),
      first_rank_(counters.world.rank() - counters.group.rank()),
      num_layers_(placement.num_layers()),
      topk_(topk),
      expert_bytes_(ExpertBytes(placement.num_experts())),
      peers_(counters.group.size()) {
  for (int l = 0; l < num_layers_; ++l) {
    local_experts_.push_back(placement.LocalExperts(l, counters.group.rank()));
  }
  last_.expert_tokens.resize(static_cast<size_t>(num_layers_) * placement.num_experts());
}

void RoutingRecorder::Begin(StepRouting& record, int num_micro_batches) {
  record_ = &record;
  record.Clear();
  record.set_step(step_++);
  record.set_rank(counters_.world.rank());
  record.set_num_micro_batches(num_micro_batches);
  num_tokens_ = 0;
  std::ranges::fill(peers_, PeerTraffic());
}

void RoutingRecorder::AddRun(const TokenRun& run) {
  *record_->add_runs() = run;
  num_tokens_ += run.num_tokens();
}

void RoutingRecorder::MakeRoom() {
  const size_t slots = static_cast<size_t>(num_tokens_) * num_layers_ * topk_;
  record_->mutable_experts()->resize(slots * expert_bytes_);
  record_->mutable_weights()->resize(slots * sizeof(uint16_t));
}

void RoutingRecorder::AddLayer(const RoutedTokens& tokens) {
  if (tokens.layer == 0 && tokens.first_token == 0) MakeRoom();
  const Routing& routing = tokens.routing;
  OCTET_CHECK(routing.topk == topk_ && tokens.first_token + routing.num_tokens <= num_tokens_);
  char* const experts = record_->mutable_experts()->data();
  char* const weights = record_->mutable_weights()->data();
  for (int64_t i = 0; i < routing.num_tokens * topk_; ++i) {
    const int64_t token = tokens.first_token + i / topk_;
    const int64_t slot = (token * num_layers_ + tokens.layer) * topk_ + i % topk_;
    if (expert_bytes_ == 1) {
      Store(static_cast<uint8_t>(routing.topk_idx[i]), experts + slot);
    } else {
      Store(static_cast<uint16_t>(routing.topk_idx[i]), experts + 2 * slot);
    }
    Store(FloatToHalf(routing.topk_weights[i]), weights + sizeof(uint16_t) * slot);
  }
  AddPeerTraffic(tokens.plan, tokens.hosts, counters_.group.rank(), peers_);
}

void RoutingRecorder::End() {
  AddPeers();
  AddExpertTokens();
  AddTimes();
  AddCountedBytes();
  record_ = nullptr;
}

void RoutingRecorder::AddPeers() {
  for (size_t r = 0; r < peers_.size(); ++r) {
    const PeerTraffic& traffic = peers_[r];
    if (traffic == PeerTraffic()) continue;
    PeerRows& rows = *record_->add_peers();
    rows.set_rank(first_rank_ + static_cast<int32_t>(r));
    rows.set_rows_in_place(traffic.rows_in_place);
    rows.set_rows_sent(traffic.rows_sent);
    rows.set_returns_in_place(traffic.returns_in_place);
    rows.set_returns_sent(traffic.returns_sent);
    rows.set_letter_bytes(traffic.letter_bytes);
  }
}

void RoutingRecorder::AddExpertTokens() {
  for (int l = 0; l < num_layers_; ++l) {
    const std::span<const int64_t> now = counters_.expert_load.expert_tokens(l);
    for (const int expert : local_experts_[l]) {
      int64_t& before = last_.expert_tokens[int64_t{l} * placement_.num_experts() + expert];
      record_->add_expert_tokens(static_cast<int32_t>(now[expert] - before));
      before = now[expert];
    }
  }
}

void RoutingRecorder::AddTimes() {
  const Times now = StepTimes(counters_.clock, counters_.world, counters_.group);
  for (int i = 0; i < kNumTimes; ++i) {
    record_->add_seconds(static_cast<float>(now[i] - last_.times[i]));
  }
  last_.times = now;
}

void RoutingRecorder::AddCountedBytes() {
  const auto sent = [this](Traffic kind) {
    int64_t& before = last_.bytes_sent[static_cast<int>(kind)];
    const int64_t now = counters_.group.bytes_sent(kind);
    return now - std::exchange(before, now);
  };
  const auto in_place = [this](Traffic kind) {
    int64_t& before = last_.bytes_in_place[static_cast<int>(kind)];
    const int64_t now = counters_.group.bytes_read_in_place(kind);
    return now - std::exchange(before, now);
  };
  CountedBytes& counted = *record_->mutable_counted();
  counted.set_dispatch_in_place(in_place(Traffic::kDispatch));
  counted.set_dispatch_sent(sent(Traffic::kDispatch));
  counted.set_combine_in_place(in_place(Traffic::kCombine));
  counted.set_combine_sent(sent(Traffic::kCombine));
  counted.set_routing_sent(sent(Traffic::kRouting));
}

}  // namespace octet

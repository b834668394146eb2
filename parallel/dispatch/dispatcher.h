// The exchange that takes tokens to the ranks of their experts, and the outputs back.

#ifndef OCTET_PARALLEL_DISPATCH_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCH_DISPATCHER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/base/matrix.h"
#include "kernels/base/workspace.h"
#include "parallel/dispatch/expert_plan.h"
#include "parallel/dispatch/routing.h"
#include "parallel/dispatch/send_plan.h"
#include "parallel/transport/host_topology.h"

namespace octet {

class Dispatcher;

// The tokens of one rank on their way to their experts, and the tokens of others on their way to
// this rank's experts. Collective, as is OutputsInFlight: every rank takes each step for every
// layer, in the same order, even without tokens. Between the steps, while tokens travel, a rank may
// do other work.
class TokensInFlight {
 public:
  // Waits for the next tokens that this rank's experts must compute, as many as it has room for.
  // Returns null when there are no more. The plan is valid until the next call.
  const ExpertPlan* Next();

  // The tokens to which the indices of ExpertPlan::rows refer: [.., hidden_size], in the dtype that
  // experts read.
  ConstMatrix rows() const;

  // Sends the outputs of the tokens of the last Next() to their homes. out:
  // [ExpertPlan::rows.size(), hidden_size] float32.
  void Return(ConstMatrix out);

  // The plan of this rank's own tokens; empty if it was made on the device.
  const SendPlan& plan() const { return plan_; }

 private:
  friend class Dispatcher;
  friend class OutputsInFlight;
  TokensInFlight(Dispatcher& dispatcher, int layer, SendPlan plan, Workspace::Scope scope)
      : dispatcher_(&dispatcher), layer_(layer), plan_(std::move(plan)), scope_(std::move(scope)) {}

  Dispatcher* dispatcher_;
  int layer_;
  SendPlan plan_;
  Workspace::Scope scope_;  // holds the memory of the messages
};

// The outputs of experts on their way to the homes of their tokens.
class OutputsInFlight {
 public:
  // Call it after TokensInFlight::Next() has returned null.
  explicit OutputsInFlight(TokensInFlight tokens) : sent_(std::move(tokens)) {}

  // Waits until the outputs have come. Then y[t] = the sum of token t's slots, each times its gate
  // weight, in slot order. y: [own tokens, hidden_size].
  void Combine(Matrix y) &&;

 private:
  TokensInFlight sent_;
};

// The two all-to-alls of every MoE layer, one layer at a time. Other dispatchers' exchanges may be
// in flight at the same time.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  // OK if the ranks of this host read each other's rows in place, or have no need to; otherwise the
  // reason why not.
  virtual const absl::Status& shared_memory() const = 0;

  // The hosts of the ranks, as the exchange sees them.
  virtual const HostTopology& hosts() const = 0;

  // Sets the number of this rank's tokens from the next layer on. If `room` is not 0, no rank has
  // more tokens, all ranks give the same room for a whole step, and only a dispatcher whose plans
  // are made on a device is asked for it: then no host waits within the step, `x` of Dispatch has
  // `room` rows, the first ones being the tokens, and what a layer asks of the backend may be
  // recorded.
  virtual void SetTokens(int64_t num_tokens, int64_t room) = 0;

  // Waits until the exchanges that were begun are complete.
  virtual void Await() = 0;

  // Where the router leaves its choice.
  virtual RoutingPlace routing_place() = 0;

  // Adopts the new placement of the experts of this layer. Call it on all ranks, with nothing in
  // flight.
  virtual void ExpertsMoved(int layer) = 0;

  // Collective: starts to send this rank's tokens to their experts. x: [own tokens, hidden_size]
  // float32. `routing` is read when the backend has computed what was asked of it before.
  virtual TokensInFlight Dispatch(int layer, ConstMatrix x, const Routing& routing) = 0;

  // Returns the (token, slot) pairs that this rank's experts have computed since the last call, if
  // only the device knows them: [layers, experts]; otherwise nothing.
  virtual std::vector<int64_t> TakeDeviceCounts() { return {}; }

 protected:
  static TokensInFlight Depart(Dispatcher& dispatcher, int layer, SendPlan plan,
                               Workspace::Scope scope) {
    return {dispatcher, layer, std::move(plan), std::move(scope)};
  }

 private:
  friend class TokensInFlight;
  friend class OutputsInFlight;

  // The steps of TokensInFlight and OutputsInFlight.
  virtual const ExpertPlan* NextPart(int layer) = 0;
  virtual ConstMatrix tokens() const = 0;
  virtual void Return(int layer, ConstMatrix out) = 0;
  virtual void Combine(int layer, SendPlan plan, Matrix y) = 0;
};

inline const ExpertPlan* TokensInFlight::Next() { return dispatcher_->NextPart(layer_); }
inline ConstMatrix TokensInFlight::rows() const { return dispatcher_->tokens(); }
inline void TokensInFlight::Return(ConstMatrix out) { dispatcher_->Return(layer_, out); }

inline void OutputsInFlight::Combine(Matrix y) && {
  sent_.dispatcher_->Combine(sent_.layer_, std::move(sent_.plan_), y);
}

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_DISPATCHER_H_

#include "launch/trace/trace_header.h"

#include "launch/version.h"
#include "runtime/model/step_times.h"

namespace octet {

TraceHeader MakeTraceHeader(const RunConfig& config, const JobSetup& setup) {
  const ModelConfig& model = setup.model.config;
  TraceHeader header;
  header.set_version(OctetVersion());
  header.set_model(setup.model.fingerprint);
  header.set_numerics_class(setup.NumericsClass());
  header.set_num_layers(model.num_layers);
  header.set_num_experts(model.num_experts);
  header.set_top_k(model.experts_per_token);
  header.set_hidden_size(static_cast<int32_t>(model.hidden_size));
  header.set_dtype(Name(setup.engine.dtype));
  const auto row_bytes = [&](DType dtype) {
    return static_cast<int32_t>(RowBytes(dtype, model.hidden_size));
  };
  header.set_dispatch_row_bytes(row_bytes(setup.engine.row_dtype));
  header.set_return_row_bytes(row_bytes(DType::kF32));
  for (int r = 0; r < setup.engine.limits.num_ranks(); ++r) header.add_hosts();
  for (const HostMemory& host : setup.memory.hosts) {
    for (const int rank : host.ranks) header.set_hosts(rank, host.name);
  }
  header.set_group_size(setup.engine.limits.group_size);
  header.set_placement_name(config.placement());
  header.set_replica_policy(config.replica_policy());
  header.set_home_policy(config.home());
  *header.mutable_placement() = setup.placement.ToProto();
  for (int i = 0; i < kNumTimes; ++i) header.add_times(NameOfTime(i));
  return header;
}

}  // namespace octet

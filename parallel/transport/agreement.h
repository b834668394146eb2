// The agreement of all ranks before the first step.

#ifndef OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_
#define OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// Collective: returns OK if `mine` is OK on every rank. Otherwise every rank gets the error of the
// lowest rank that has one. If there are several ranks, the error names that rank and its host.
absl::Status AgreeOnStatus(Communicator& comm, const absl::Status& mine);

// A value that must be the same on all ranks, as text, with its name for messages.
struct Fact {
  std::string name;
  std::string value;
};

// Collective: returns OK if every rank gave the same facts. Otherwise every rank gets an error that
// says which rank differs from rank 0, and in what. All ranks give the same names in the same
// order.
absl::Status AgreeOnFacts(Communicator& comm, const std::vector<Fact>& mine);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_AGREEMENT_H_

// Which rank of a host uses which of its devices.

#ifndef OCTET_LAUNCH_SETUP_DEVICE_ASSIGNMENT_H_
#define OCTET_LAUNCH_SETUP_DEVICE_ASSIGNMENT_H_

#include <span>
#include <vector>

namespace octet {

// Returns a device for each rank: one that the fewest ranks have, among these one of the rank's own
// NUMA nodes, among these the first. rank_nodes: [ranks], the nodes that each computes on; empty if
// not known. device_nodes: [1 or more devices], the node of each; negative if not known.
std::vector<int> AssignDevices(std::span<const std::vector<int>> rank_nodes,
                               std::span<const int> device_nodes);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_DEVICE_ASSIGNMENT_H_

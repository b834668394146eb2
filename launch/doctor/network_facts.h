// The network interfaces of this host, and the TCP connections of this process.

#ifndef OCTET_LAUNCH_DOCTOR_NETWORK_FACTS_H_
#define OCTET_LAUNCH_DOCTOR_NETWORK_FACTS_H_

#include <set>
#include <string>
#include <vector>

#include "proto/doctor.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Returns the interfaces that are up and have an address of IPv4.
std::vector<InterfaceFacts> ReadInterfaces(FileSystem& files);

// Returns the established connections with these inodes in a text of the form of /proc/net/tcp
// (proc(5)), each pair of addresses once.
std::vector<TcpFacts> ParseTcpTable(const std::string& text, const std::set<std::string>& inodes);

// Returns those of this process.
std::vector<TcpFacts> ReadTcpConnections(FileSystem& files);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_NETWORK_FACTS_H_

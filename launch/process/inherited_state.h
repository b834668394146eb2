// The state that a process inherits from its parent.

#ifndef OCTET_LAUNCH_PROCESS_INHERITED_STATE_H_
#define OCTET_LAUNCH_PROCESS_INHERITED_STATE_H_

namespace octet {

// Call it first in main, before anything opens a file:
// * it opens closed standard streams on /dev/null, in the other direction, so that no file gets
//   their descriptors, and a read or write of them is an error;
// * it ignores SIGXFSZ: if a file grows too large, the write returns an error, which names it.
void RepairInheritedState();

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_INHERITED_STATE_H_

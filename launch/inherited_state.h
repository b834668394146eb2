// What a process inherits from whoever started it.

#ifndef OCTET_LAUNCH_INHERITED_STATE_H_
#define OCTET_LAUNCH_INHERITED_STATE_H_

namespace octet {

// Comes first in main, before anything opens a file:
// * standard streams that are closed are opened, on /dev/null and for the other direction, so that
//   no file gets their descriptors, and who reads or writes them gets an error;
// * SIGXFSZ is ignored: a file that grows too large is an error of the write, which names it.
void RepairInheritedState();

}  // namespace octet

#endif  // OCTET_LAUNCH_INHERITED_STATE_H_

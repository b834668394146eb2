// OCTET_CHECK, for errors that only a bug or a dead peer can cause. An error that a user can cause
// is an absl::Status.

#ifndef OCTET_KERNELS_BASE_CHECK_H_
#define OCTET_KERNELS_BASE_CHECK_H_

#include <sstream>
#include <string>

namespace octet {

// Ends the whole job: prints the message with rank and place, then calls the fatal handler of this
// process.
[[noreturn]] void Fatal(const char* file, int line, const std::string& message);

// Does the same without a message, for callers that have printed theirs.
[[noreturn]] void EndJob();

// Sets the function that Fatal calls after it has printed. It must not return. The default aborts
// this process; an MPI world sets one that ends every rank.
using FatalHandler = void (*)();
void SetFatalHandler(FatalHandler handler);

// Sets the function that Fatal calls with the message, before anything ends.
using CrashHandler = void (*)(const char* message);
void SetCrashHandler(CrashHandler handler);

// The name that Fatal prints for the calling thread, such as "rank 3 of 8 on host-a".
void SetThreadLabel(const std::string& label);
const std::string& ThreadLabel();

}  // namespace octet

#define OCTET_CHECK(condition) \
  if (condition) [[likely]] {  \
  } else                       \
    ::octet::internal::FatalStream(__FILE__, __LINE__).stream() << "failed: " #condition " "

#define OCTET_CHECK_EQ(a, b) OCTET_CHECK((a) == (b)) << "(" << (a) << " against " << (b) << ") "

namespace octet::internal {

class FatalStream {
 public:
  FatalStream(const char* file, int line) : file_(file), line_(line) {}
  FatalStream(const FatalStream&) = delete;
  FatalStream& operator=(const FatalStream&) = delete;
  [[noreturn]] ~FatalStream() { Fatal(file_, line_, stream_.str()); }
  std::ostream& stream() { return stream_; }

 private:
  const char* file_;
  int line_;
  std::ostringstream stream_;
};

}  // namespace octet::internal

#endif  // OCTET_KERNELS_BASE_CHECK_H_

// Copies to shared memory that a thread has begun (cp.async).

#ifndef OCTET_TESTS_CUDA_EMU_ASYNC_COPIES_H_
#define OCTET_TESTS_CUDA_EMU_ASYNC_COPIES_H_

#include <cstddef>
#include <vector>

namespace octet::cuda_emu {

// PTX ISA, "Asynchronous Data Movement: Non-Bulk copy". When a copy takes place is open until it is
// waited for: some do at once and the others as late as they may, so that a missing wait shows as
// well as memory that is used again too early.
class AsyncCopies {
 public:
  // `source_bytes` from `from`, then zeros, `bytes` in all: 4, 8 or 16.
  void Begin(void* to, const void* from, size_t bytes, size_t source_bytes);

  // What has begun since the last call becomes a group.
  void Commit();

  // All groups but the last `pending` ones are complete.
  void Wait(size_t pending);

  // The thread ends.
  void Finish();

  // Forgets all; for another thread.
  void Clear();

 private:
  struct Copy {
    void* to;
    const void* from;
    size_t bytes;
    size_t source_bytes;
    bool is_done;
  };
  static void Do(const Copy& copy);
  static void End(const Copy& copy);

  // Those that may still take place, oldest first, and how many there were at each Commit. Kept as
  // two lists with their beginnings, so that a thread that copies allocates nothing.
  std::vector<Copy> copies_;
  std::vector<size_t> group_ends_;
  size_t first_copy_ = 0;
  size_t first_group_ = 0;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_ASYNC_COPIES_H_

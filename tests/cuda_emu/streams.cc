#include "tests/cuda_emu/streams.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/emulation.h"

namespace octet::cuda_emu {
namespace {

// Counts how often it was recorded, and how often that came about.
struct Event {
  int64_t recorded = 0;
  int64_t happened = 0;
};

struct Work {
  std::function<bool()> run;   // false: not yet
  Event* waits_for = nullptr;  // its record number `number`; null: nothing
  int64_t number = 0;

  bool is_ready() const { return waits_for == nullptr || waits_for->happened >= number; }
};

using Graph = std::vector<Work>;

struct Stream {
  std::deque<Work> work;
  Graph* captured = nullptr;
};

std::vector<Stream*>& AllStreams() {
  static std::vector<Stream*> streams;
  return streams;
}

Stream* From(cudaStream_t stream) { return reinterpret_cast<Stream*>(stream); }
Event* From(cudaEvent_t event) { return reinterpret_cast<Event*>(event); }
Graph* From(cudaGraph_t graph) { return reinterpret_cast<Graph*>(graph); }
Graph* From(cudaGraphExec_t graph) { return reinterpret_cast<Graph*>(graph); }

cudaError_t Add(cudaStream_t to, Work work) {
  Stream* const stream = From(to);
  if (stream == nullptr) {
    Emulation::Device().Fail("work on the null stream");
    return cudaErrorInvalidResourceHandle;
  }
  if (stream->captured != nullptr) {
    stream->captured->push_back(std::move(work));
  } else {
    stream->work.push_back(std::move(work));
  }
  return cudaSuccess;
}

cudaError_t ErrorSoFar() {
  return Emulation::Device().faults().empty() ? cudaSuccess : cudaErrorLaunchFailure;
}

// Does work until `finished`, or none is ready. Memory is made accessible once for all of it.
Step WorkOn(const std::function<bool()>& finished) {
  const DeviceMemory::Access access;
  Step step = Step::kDone;
  while (step == Step::kDone && !finished()) step = WorkStep();
  return step;
}

// Lets others work meanwhile.
void Nap() {
  constexpr std::chrono::microseconds kNap(50);
  RuntimeMutex().unlock();
  std::this_thread::sleep_for(kNap);
  RuntimeMutex().lock();
}

}  // namespace

cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work) {
  return EnqueueTrial(stream, [work = std::move(work)] {
    work();
    return true;
  });
}

cudaError_t EnqueueTrial(cudaStream_t stream, std::function<bool()> work) {
  return Add(stream, {.run = std::move(work)});
}

// The first work of a stream that is ready.
Step WorkStep() {
  std::vector<Stream*> ready;
  for (Stream* stream : AllStreams()) {
    if (!stream->work.empty() && stream->work.front().is_ready()) ready.push_back(stream);
  }
  if (ready.empty()) return Step::kNone;
  Stream& stream = *ready[Emulation::Device().Draw(static_cast<uint32_t>(ready.size()))];
  const Work& work = stream.work.front();
  if (work.run && !work.run()) return Step::kNotYet;
  stream.work.pop_front();
  return Step::kDone;
}

cudaError_t WorkUntil(const std::function<bool()>& finished) {
  while (!finished()) {
    const Step step = WorkOn(finished);
    if (step == Step::kNotYet) Nap();
    if (step != Step::kNone) continue;
    Emulation::Device().Fail("streams wait for each other");
    break;
  }
  return ErrorSoFar();
}

cudaError_t WorkOnce() {
  if (WorkStep() == Step::kNotYet) Nap();
  return ErrorSoFar();
}

bool IsCapturing() {
  return std::ranges::any_of(AllStreams(), [](const Stream* s) { return s->captured != nullptr; });
}

cudaStream_t MakeStream() {
  return reinterpret_cast<cudaStream_t>(AllStreams().emplace_back(new Stream));
}

void DestroyStream(cudaStream_t stream) {
  std::erase(AllStreams(), From(stream));
  delete From(stream);
}

bool IsIdle(cudaStream_t stream) { return From(stream)->work.empty(); }

bool AreAllIdle() {
  return std::ranges::all_of(AllStreams(), [](const Stream* s) { return s->work.empty(); });
}

cudaEvent_t MakeEvent() { return reinterpret_cast<cudaEvent_t>(new Event); }
void DestroyEvent(cudaEvent_t event) { delete From(event); }

cudaError_t Record(cudaEvent_t event, cudaStream_t stream) {
  const int64_t number = ++From(event)->recorded;
  return Add(stream, {.run = [e = From(event), number] {
               e->happened = number;
               return true;
             }});
}

cudaError_t WaitFor(cudaStream_t stream, cudaEvent_t event) {
  return Add(stream, {.waits_for = From(event), .number = From(event)->recorded});
}

bool HasHappened(cudaEvent_t event) { return From(event)->happened >= From(event)->recorded; }

void BeginCapture(cudaStream_t stream) { From(stream)->captured = new Graph; }

cudaGraph_t EndCapture(cudaStream_t stream) {
  return reinterpret_cast<cudaGraph_t>(std::exchange(From(stream)->captured, nullptr));
}

cudaGraphExec_t Instantiate(cudaGraph_t graph) {
  return reinterpret_cast<cudaGraphExec_t>(new Graph(*From(graph)));
}

cudaError_t LaunchGraph(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const Work& work : *From(graph)) {
    if (const cudaError_t error = Add(stream, work); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

void DestroyGraph(cudaGraph_t graph) { delete From(graph); }
void DestroyGraph(cudaGraphExec_t graph) { delete From(graph); }

}  // namespace octet::cuda_emu

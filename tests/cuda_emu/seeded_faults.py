#!/usr/bin/env python3
"""Puts one fault after the other into the CUDA back end, and sees whether the tests notice.

    tests/cuda_emu/seeded_faults.py [--only N[,N...]] [--build DIR]   builds and runs; about half a minute a fault
    tests/cuda_emu/seeded_faults.py --list
    tests/cuda_emu/seeded_faults.py --check    whether each fault still finds its text; a test of CTest's

Works in a copy of the sources below DIR (build/faults). Ends with 1 if a fault was not caught, or not built. What nvcc
would compile is left out, since no program here runs it.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
TIME_LIMIT = 120  # seconds of a test program: a hang is caught

KERNELS = "cuda_emu_test"
CONFORMANCE = "cuda_conformance_test"
MODEL = "cuda_model_test"

# (file, in kernels/cuda unless it names a folder, its text, the fault, program, filter of the tests that should notice)
FAULTS = [
    # Operations on rows.
    ("rows.cu", "squares = __fmaf_rn(from[c], from[c], squares);",
     "if (c + 1 < x.cols) squares = __fmaf_rn(from[c], from[c], squares);", CONFORMANCE, "*RowsConformance.RmsNorm/*"),
    ("rows.cu", "mean == INFINITY ? NAN : ", "", CONFORMANCE, "*RowsConformance.RmsNormOf*"),
    ("row_views.h", "{reinterpret_cast<T*>(m.data), m.cols, m.stride}", "{reinterpret_cast<T*>(m.data), m.cols, m.cols}",
     CONFORMANCE, "*RowsConformance.Add/*"),
    ("rows.cu", "float value = -0.0F;", "float value = 0.0F;", CONFORMANCE, "*RowsConformance.WeightedSum*"),
    ("rows.cu", "i = begin; i < end; ++i", "i = begin; i + 1 < end; ++i", CONFORMANCE, "*RowsConformance.WeightedSum*"),
    ("rows.cu", "rows == nullptr ? row : rows[row]", "rows == nullptr ? row : rows[0]", CONFORMANCE,
     "*RowsConformance.*Gather*"),
    ("rows.cu", "to[c] = __fdiv_rn(expf(__fsub_rn(__fmul_rn(from[c], scale), largest)), sum);",
     "to[c] = __fdiv_rn(expf(__fsub_rn(from[c], largest)), sum);", CONFORMANCE, "*SoftmaxConformance.*"),
    ("rows.cu", "__fadd_rn(__fmul_rn(b, cos), __fmul_rn(a, sin))", "__fsub_rn(__fmul_rn(b, cos), __fmul_rn(a, sin))",
     CONFORMANCE, "*RowsConformance.Rope*"),
    ("device.h", "(bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16", "(bits + 0x8000U) >> 16", CONFORMANCE,
     "*RowsConformance.Convert*"),
    ("device.h", "bits >> 16 | 0x40U", "bits >> 16", CONFORMANCE, "*RowsConformance.Convert*"),
    ("device.h", "for (int w = 1; w < kThreads / kLanes; ++w)", "for (int w = 1; w + 1 < kThreads / kLanes; ++w)",
     KERNELS, "CudaRows.*"),
    ("device.h", "of_warps[threadIdx.x / kLanes] = value;\n  __syncthreads();",
     "of_warps[threadIdx.x / kLanes] = value;", KERNELS, "CudaRows.*"),
    # The router.
    ("router.cu", "&& expert < other.expert", "&& expert > other.expert", CONFORMANCE, "*RouteConformance.*"),
    ("router.cu", "if (best.expert % kLanes == lane)", "if (best.expert == lane)", CONFORMANCE, "*RouteConformance.*"),
    ("router.cu", "float* const weights = topk_weights + int64_t{blockIdx.x} * topk;",
     "float* const weights = topk_weights + blockIdx.x;", CONFORMANCE, "*RouteConformance.*"),
    # Attention without tensor cores.
    ("attention.cu", "return Head(table[position / kKvBlock], head) + position % kKvBlock;",
     "return Head(table[0], head) + position % kKvBlock;", CONFORMANCE, "*AttentionConformance.Keys*"),
    ("attention.cu", "position % kKvBlock * value_stride;", "position % kKvBlock * head_dim;", CONFORMANCE,
     "*AttentionConformance.Keys*"),
    ("attention.cu", "last - window + 1 : 0", "last - window : 0", CONFORMANCE,
     "*AttentionConformance.Agrees*window16"),
    ("attention.cu", "if (begin + i < first) continue;", "", CONFORMANCE, "*AttentionConformance.WhatIs*window16"),
    ("attention.cu", "__fmul_rn(to[d], rescale)", "to[d] + 0 * rescale", CONFORMANCE,
     "*AttentionConformance.Agrees*float32*"),
    # Attention by tensor cores.
    ("flash_attention.cu", "max(0, position - window + 1)", "max(0, position - window)", KERNELS,
     "CudaFlashAttention.IsTheFormula"),
    ("flash_attention.cu", "min(visible.end, (split + 1) * kAttentionSplit)",
     "min(visible.end, (split + 1) * kAttentionSplit - 1)", CONFORMANCE, "*AttentionConformance.Agrees*cuda_bf*"),
    ("flash_attention.cu", "const int last = (visible.end - 1) / kAttentionSplit;",
     "const int last = visible.end / kAttentionSplit;", KERNELS, "CudaFlashAttention.*"),
    ("flash_attention.cu", "(tile * gridDim.y + blockIdx.y) * num_splits", "(tile * gridDim.y) * num_splits", KERNELS,
     "CudaFlashAttention.IsTheFormula"),
    ("flash_attention.cu", "in.pages + blockIdx.y * in.head_bytes", "in.pages", CONFORMANCE,
     "*AttentionConformance.Agrees*cuda_bf*"),
    ("flash_attention.cu", "visible[r].end = row < num_rows ? visible[r].end - first_position : visible[r].first;",
     "visible[r].end -= first_position - 1;", KERNELS, "CudaFlashAttention.IsTheFormula"),
    ("flash_attention.cu", "value = Merged(value, from[d], factors);", "value = value + from[d];", KERNELS,
     "CudaFlashAttention.*"),
    ("flash_tile.h", "ptx::MmaBf16(tiles[n + 1], q_low, halves[1]);", "", CONFORMANCE,
     "*AttentionConformance.Agrees*cuda_bf*"),
    ("flash_tile.h", "ptx::MmaBf16(values[n], low, halves[0]);", "", CONFORMANCE,
     "*AttentionConformance.Agrees*cuda_bf*"),
    ("flash_tile.h", "chunk = lane / 16 ^ (lane % 2 * 4 + lane / 2 % 4);",
     "chunk = lane / 16 ^ (lane % 2 * 4 + lane / 2 % 2);", KERNELS, "CudaFlashAttention.IsTheFormula"),
    ("flash_tile.h", "visible.Contains(begin + i / kValueChunks));", "true);", KERNELS, "CudaFlashAttention.*"),
    ("flash_tile.h", "ptx::CpAsyncWait<kKvStages - 2>();", "ptx::CpAsyncWait<kKvStages - 1>();", KERNELS,
     "CudaFlashAttention.*"),
    ("flash_tile.h", "values[n][2 * r + 1] = __fmul_rn(values[n][2 * r + 1], rescale);", "", KERNELS,
     "CudaFlashAttention.IsTheFormula"),
    ("flash_tile.h", "pages[position / kKvBlock] * page_bytes", "(position / kKvBlock) * page_bytes", KERNELS,
     "CudaFlashAttention.IsTheFormula"),
    # Products.
    ("tensor_core_tile.h", "Row(i) < num_there_ && is_in_k", "Row(i) < num_there_ && (is_in_k || k > 8)", KERNELS,
     "CudaMatmul.*"),
    ("tensor_core_tile.h", "Row(i) < num_there_ && is_in_k", "is_in_k", KERNELS, "CudaMatmul.*:CudaGroupedSwiGlu.*"),
    ("tensor_core_tile.h", "chunk + lane / 8 % 2", "chunk + 1 - lane / 8 % 2", KERNELS, "CudaMatmul.IsTheProduct"),
    ("tensor_core_tile.h", "{b[pair][2], b[pair][3]}", "{b[pair][3], b[pair][2]}", KERNELS, "CudaMatmul.IsTheProduct"),
    ("tensor_core_tile.h", "lane / 4 + i / 2 * 8", "lane / 4 + i % 2 * 8", KERNELS, "CudaMatmul.IsTheProduct"),
    ("tensor_core_tile.h", "ptx::CpAsyncWait<kStages - 2>();", "ptx::CpAsyncWait<kStages - 1>();", KERNELS,
     "CudaMatmul.BitsAre*"),
    ("product.h", "if (col + kPairDistance < cols)", "if (col + kPairDistance <= cols)", CONFORMANCE,
     "*MatmulConformance.*"),
    ("plain_tile.h", "__syncthreads();  // all have read it", "", KERNELS, "CudaMatmul.BitsAre*"),
    ("plain_tile.h", "row < from.end && first_k + element < k", "row < from.end && first_k + element <= k",
     KERNELS, "CudaMatmul.TakesAnyShape"),
    ("matmul.cu", "operands.x.first = int64_t{blockIdx.x} * rows;", "operands.x.first = 0 * rows;", KERNELS,
     "CudaMatmul.IsTheProduct"),
    # Experts.
    ("grouped_swiglu.cu", "operands.x.end = tile.end;", "operands.x.end = tile.first + rows;", CONFORMANCE,
     "*GroupedSwiGluConformance.*"),
    ("grouped_swiglu.cu", "expf(-gate)", "expf(gate)", CONFORMANCE, "*GroupedSwiGluConformance.EachRow*"),
    ("grouped_swiglu.cu", "static_cast<int>(blockIdx.x % parts) * rows", "0 * rows", KERNELS, "CudaGroupedSwiGlu.*"),
    ("grouped_swiglu.cu", "if (j >= cols) return;", "", CONFORMANCE, "*GroupedSwiGluConformance.*"),
    ("grouped_swiglu.cu", "experts[tile.expert].*weights", "experts[0].*weights", CONFORMANCE,
     "*GroupedSwiGluConformance.EachRow*"),
    # The draw of tokens.
    ("sampling.cu", "kept = {last.bits, last.tie + 1};", "kept = {last.bits, last.tie};", KERNELS, "CudaSampling.*"),
    ("sampling.cu", "kept.ties = top_k - static", "kept.ties = 1 + top_k - static", KERNELS, "CudaSampling.*"),
    ("sampling.cu", "(row[t] == logit && t < token)", "(row[t] == logit && t <= token)", KERNELS,
     "CudaSampling.LogprobsAndRanks"),
    ("sampling.cu", "&& target - before > error", "|| target - before > error", KERNELS, "CudaSampling.*"),
    ("row_search.h", "if (thread % kLanes >= lanes)", "if (thread % kLanes > lanes)", KERNELS, "CudaSampling.*"),
    ("positive_double.h", "mantissa % 2 == 1", "mantissa % 2 == 0", KERNELS, "PositiveDouble.*:CudaSampling.*"),
    # The host's side.
    ("upload_ring.cc", "if (wraps) next_ = 0;", "if (skipped > 0) next_ = 0;", KERNELS, "UploadRing.*"),
    ("upload_ring.cc", "if (in_flight_ + skipped + room > host_.bytes()) {", "if (room > host_.bytes()) {", KERNELS,
     "UploadRing.*"),
    ("upload_ring.cc", "in_flight_ += skipped;", "in_flight_ += 0;", KERNELS, "UploadRing.*"),
    ("upload_ring.cc", "outgrown_.push_back(std::move(device_));", "", KERNELS, "UploadRing.*"),
    ("upload_ring.cc", "if (kListsAtATime * room > host_.bytes())", "if (room > host_.bytes())", KERNELS,
     "UploadRing.*"),
    ("sequence_lists.cc", "if (batch == batch_ &&", "if (batch.spans == batch_.spans &&", KERNELS, "SequenceLists*"),
    ("sequence_lists.cc", "tokens[s.first_row + i] =", "tokens[i] =", KERNELS, "SequenceLists*"),
    ("sequence_lists.cc", "max_context_ = std::max(max_context_, s.start_pos + s.num_rows);",
     "max_context_ = std::max(max_context_, s.start_pos);", KERNELS, "SequenceLists*"),
    ("cuda_backend.cc", "stream_.Wait();\n  ring_.StreamIsIdle();", "ring_.StreamIsIdle();", CONFORMANCE,
     "*MemoryConformance.*"),
    ("cuda_backend.cc", "results_used_ += RoundUp(result.size());", "", CONFORMANCE, "*MemoryConformance.Results*"),
    ("cuda_backend.cc", "> results_room_.bytes()) {\n    Synchronize();", "> results_room_.bytes()) {", CONFORMANCE,
     "*MemoryConformance.Results*"),
    ("cuda_backend.cc", "cuda::GatherRows(x, ring_.Upload(rows), inputs, stream_)",
     "cuda::GatherRows(x, nullptr, inputs, stream_)", CONFORMANCE, "*GroupedSwiGluConformance.*"),
    ("cuda_backend.cc", " || (CanUseTensorCores(w.dtype(), w.cols) && !IsAligned(x))", "", CONFORMANCE,
     "*MatmulConformance.TakesParts*"),
    ("cuda_packer.cc", "std::memset(lane.data(), 0, w.panel_bytes());", "", CONFORMANCE, "*PackingConformance.*"),
    ("cuda_packer.cc", "Check(cudaStreamSynchronize(lane_->stream), \"a copy\");", "", CONFORMANCE,
     "*MemoryConformance.WhatIs*"),
    ("cuda_packer.cc", "lane.Copy(to + at,", "lane.Copy(to,", CONFORMANCE, "*MemoryConformance.WhatIs*"),
    ("cuda_buffers.cc", "stream.Wait();  // other streams may write to it next", "(void)stream;", CONFORMANCE,
     "*MemoryConformance.*"),
    # Recorded steps.
    ("sequence_lists.cc", "if (s.num_pages == 0) continue;", "", MODEL, "*RecordedDecode*Answers*float32"),
    ("sequence_lists.cc", "tiles.resize(num_tokens);", "tiles.resize(tiles.size());", KERNELS, "SequenceLists*"),
    ("attention.cu", "if (token.position < 0) return;", "", MODEL, "*RecordedDecode*Answers*float32"),
    ("held_lists.cc", "to += room_;", "to += list.size_bytes();", KERNELS, "HeldLists*"),
    ("held_lists.cc", "a.data() == b.data() && ", "", MODEL, "*RecordedDecode*Answers*float32"),
    ("cuda_recording.cc", "if (num_moves_ != backend_.num_moves()) return false;", "", MODEL,
     "*RecordedDecode*Moved/float32"),
    ("cuda_recording.cc", "held_[i].Hold(lists[i], stream_, ring_);",
     "if (num_graph_launches_ == 0) held_[i].Hold(lists[i], stream_, ring_);", MODEL,
     "*RecordedDecode*Answers*float32"),
    ("sequence_lists.h", "std::max(max_context_, context_room_)", "max_context_", MODEL,
     "RecordedAttentionTest.*"),
    ("parallel/dispatch/device_dispatcher.cc", "if (room_ > 0) FindBases(arrived_sizes_, arrived_starts_);", "", MODEL,
     "*RecordedDecode*Answers*float32"),
]


def describe(number):
    file, old, new, _, tests = FAULTS[number - 1]
    one_line = " ".join(old.split()), " ".join(new.split()) or "(nothing)"
    return f"{number:3} {file}: {one_line[0]}  ->  {one_line[1]}  [{tests}]"


def path_of(fault):
    return fault[0] if "/" in fault[0] else f"kernels/cuda/{fault[0]}"


def faulty_text(sources, fault):
    """The file with its fault; None if its text is not there exactly once."""
    text = (sources / path_of(fault)).read_text(encoding="utf-8")
    return text.replace(fault[1], fault[2]) if text.count(fault[1]) == 1 else None


def check():
    lost = [n for n, fault in enumerate(FAULTS, 1) if faulty_text(CHECKOUT, fault) is None]
    for number in lost:
        print(f"its text is not there exactly once: {describe(number)}")
    print(f"{len(FAULTS) - len(lost)} of {len(FAULTS)} faults find their text")
    return lost


def copy_sources(to):
    """Copies what git knows. Files that are the same keep their times, so that little is compiled."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT,
                           check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = CHECKOUT / name, to / name
        if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def configure(sources, build):
    launcher = f"{sys.executable};{pathlib.Path(__file__).resolve()};--empty-object"
    command = ["cmake", "-S", sources, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=ON",
               "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=30",
               f"-DCMAKE_CUDA_COMPILER_LAUNCHER={launcher}"]
    if shutil.which("ccache"):
        command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def empty_object(command):
    """Stands for nvcc: an object without anything, and without dependencies."""
    target = command[command.index("-o") + 1]
    subprocess.run(["cc", "-x", "c", "-c", os.devnull, "-o", target], check=True)
    if "-MF" in command:
        pathlib.Path(command[command.index("-MF") + 1]).write_text(f"{target}:\n", encoding="utf-8")


def builds(build, programs):
    done = subprocess.run(["cmake", "--build", build, "--target", *programs], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0:
        print("\n".join(line for line in done.stdout.splitlines() if "error" in line))
    return done.returncode == 0


def passes(build, program, tests):
    """Whether these tests, of which there must be some, pass in time."""
    try:
        done = subprocess.run([build / "tests" / program, f"--gtest_filter={tests}"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and "[  PASSED  ] 0 tests" not in done.stdout


def verdict(sources, build, fault):
    file, program, tests = sources / path_of(fault), fault[3], fault[4]
    sound, faulty = file.read_text(encoding="utf-8"), faulty_text(sources, fault)
    try:
        file.write_text(faulty, encoding="utf-8")
        if not builds(build, [program]):
            return "DOES NOT BUILD"
        return "NOT CAUGHT" if passes(build, program, tests) else "caught"
    finally:
        file.write_text(sound, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", help="numbers of faults, with commas")
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build/faults")
    arguments = parser.parse_args()
    numbers = [int(n) for n in arguments.only.split(",")] if arguments.only else list(range(1, len(FAULTS) + 1))
    if arguments.list:
        print("\n".join(describe(n) for n in numbers))
        return 0
    lost = check()
    if lost or arguments.check:
        return 1 if lost else 0
    sources, build = arguments.build.resolve() / "sources", arguments.build.resolve() / "build"
    copy_sources(sources)
    configure(sources, build)
    chosen = [FAULTS[n - 1] for n in numbers]
    if not builds(build, sorted({fault[3] for fault in chosen})):
        return 1
    for program, tests in sorted({fault[3:] for fault in chosen}):
        if not passes(build, program, tests):
            print(f"without any fault there are no such tests, or they fail: {program} {tests}")
            return 1
    missed = 0
    for number in numbers:
        result = verdict(sources, build, FAULTS[number - 1])
        missed += result != "caught"
        print(f"{result}: {describe(number)}", flush=True)
    print(f"{len(numbers) - missed} of {len(numbers)} faults caught")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--empty-object"]:
        empty_object(sys.argv[2:])
    else:
        sys.exit(main())

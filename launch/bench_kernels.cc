#include "launch/bench_kernels.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <thread>
#include <vector>

#include "kernels/backend.h"
#include "launch/probes.h"

namespace octet {
namespace {

struct Operands {
  std::vector<float> x_values, w_values;
  Buffer x_buffer;
  Matrix x, y;
  Buffer y_buffer;
  PackedMatrix w;
};

float Value(int64_t i) { return static_cast<float>((i * 2654435761U >> 7) % 255) / 128 - 1; }

Operands MakeOperands(Backend& backend, const KernelBenchOptions& o, int64_t rows, DType dtype) {
  Operands p;
  p.w_values.resize(o.inputs * 16);
  p.w = {.buffer = backend.Allocate(PackedMatrix::Bytes(dtype, o.outputs, o.inputs)),
         .dtype = dtype,
         .rows = o.outputs,
         .cols = o.inputs};
  for (int64_t row = 0; row < o.outputs; row += 16) {
    const int64_t panel_rows = std::min<int64_t>(16, o.outputs - row);
    for (int64_t i = 0; i < panel_rows * o.inputs; ++i) {
      p.w_values[i] = Value(row * o.inputs + i);
    }
    backend.Pack({reinterpret_cast<std::byte*>(p.w_values.data()), DType::kF32, panel_rows,
                  o.inputs, o.inputs},
                 row / 16, 1, p.w);
  }
  p.x_values.resize(rows * o.inputs);
  for (int64_t i = 0; i < std::ssize(p.x_values); ++i) p.x_values[i] = Value(i + 12345);
  const int64_t stride = o.inputs + 32;
  p.x_buffer = backend.Allocate(rows * stride * SizeOf(dtype));
  p.x = {p.x_buffer.data(), dtype, rows, o.inputs, stride};
  backend.Convert(
      {reinterpret_cast<std::byte*>(p.x_values.data()), DType::kF32, rows, o.inputs, o.inputs},
      p.x);
  p.y_buffer = backend.Allocate(rows * o.outputs * sizeof(float));
  p.y = {p.y_buffer.data(), DType::kF32, rows, o.outputs, o.outputs};
  return p;
}

// Compares some outputs with a sum in double.
bool IsRight(const Operands& p, DType dtype) {
  const auto round = [&](float v) { return dtype == DType::kBF16 ? ToFloat(ToBF16(v)) : v; };
  for (const int64_t n : {int64_t{0}, p.y.cols / 3, p.y.cols - 1}) {
    const int64_t m = p.y.rows - 1;
    double sum = 0;
    double magnitude = 0;
    for (int64_t k = 0; k < p.x.cols; ++k) {
      const double product =
          static_cast<double>(round(p.x_values[m * p.x.cols + k])) * round(Value(n * p.x.cols + k));
      sum += product;
      magnitude += std::abs(product);
    }
    if (std::abs(p.y.f32(m)[n] - sum) > 1e-5 * magnitude) return false;
  }
  return true;
}

struct Bounds {
  double bytes_per_second;
  double operations_per_second;
};

bool BenchMatmul(Isa isa, DType dtype, int64_t rows, int threads, const KernelBenchOptions& o,
                 const Bounds& bounds, std::ostream& out) {
  const auto backend = MakeCpuBackend(isa, threads);
  const Operands p = MakeOperands(*backend, o, rows, dtype);
  const double seconds = MedianSeconds([&] { backend->Matmul(p.x, p.w, p.y); });
  const double operations = 2.0 * rows * o.inputs * o.outputs;
  const double arithmetic = operations / bounds.operations_per_second;
  const double memory = static_cast<double>(p.w.buffer.bytes()) / bounds.bytes_per_second;
  const bool right = IsRight(p, dtype);
  out << absl::StrFormat(
      "%-12s %-9s %4d rows  %8.2f GFLOP/s %7.2f GB/s   bound by %s: %5.1f%%   result %s\n",
      Name(isa), Name(dtype), rows, operations / seconds / 1e9, p.w.buffer.bytes() / seconds / 1e9,
      arithmetic > memory ? "dot products" : "DRAM", 100 * std::max(arithmetic, memory) / seconds,
      right ? "right" : "WRONG");
  return right;
}

class BenchKernelsCommand : public Subcommand {
 public:
  explicit BenchKernelsCommand(CommandLine& bench)
      : Subcommand(bench, "kernels", "matrix products of every path") {
    line().AddCount("--threads", options_.threads, "default: all cores");
    line().AddCount("--inputs", options_.inputs, "of the weight; default 4096");
    line().AddCount("--outputs", options_.outputs, "of the weight; default 14336");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    return BenchKernels(options_, std::cout) ? ExitCode::kDone : ExitCode::kFailed;
  }

 private:
  KernelBenchOptions options_;
};

}  // namespace

bool BenchKernels(const KernelBenchOptions& options, std::ostream& out) {
  const int threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  Bounds bounds = {.bytes_per_second = DramBandwidth(SupportedIsas().back(), threads),
                   .operations_per_second = 0};
  out << absl::StrFormat("%d threads, y = x W^T with W [%d, %d]\nDRAM reads: %.1f GB/s\n", threads,
                         options.outputs, options.inputs, bounds.bytes_per_second / 1e9);
  bool right = true;
  for (const Isa isa : SupportedIsas()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      bounds.operations_per_second = DotProductRate(isa, dtype, threads);
      out << absl::StrFormat("%-12s %-9s dot-product loop on registers: %.1f GFLOP/s\n", Name(isa),
                             Name(dtype), bounds.operations_per_second / 1e9);
      for (const int64_t rows : {1, 8, 16, 64, 512}) {
        right = BenchMatmul(isa, dtype, rows, threads, options, bounds, out) && right;
      }
    }
  }
  return right;
}

std::unique_ptr<Subcommand> AddBenchKernels(CommandLine& bench) {
  return std::make_unique<BenchKernelsCommand>(bench);
}

}  // namespace octet

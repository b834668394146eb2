// Quantiles of numbers.

#ifndef OCTET_KERNELS_BASE_QUANTILE_H_
#define OCTET_KERNELS_BASE_QUANTILE_H_

#include <span>
#include <utility>
#include <vector>

namespace octet {

// Returns the value below which a share q in [0, 1] of the values lies, with lines between the
// sorted values (type 7 of Hyndman and Fan, 1996, which NumPy uses). There must be a value.
double Quantile(std::vector<double> values, double q);

// The same of values in ascending order.
double QuantileOfSorted(std::span<const double> sorted, double q);

inline double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_QUANTILE_H_

// Sorting and what follows from it. The order is total: equal elements keep their places (sorting is always stable),
// NaN is above every number. Indices are int64. Gradients pass through the values.
#pragma once
#include <optional>
#include <tuple>
#include <utility>

#include "lazuli/tensor.h"

namespace lazuli {

/// Values along an axis in order, and where each stood.
std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim = -1, bool descending = false,
                               Location loc = Location::current());
/// The same; `stable` is accepted as in PyTorch and makes no difference.
std::pair<Tensor, Tensor> sort(const Tensor& x, std::optional<bool> stable, int64_t dim, bool descending = false,
                               Location loc = Location::current());
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false, Location loc = Location::current());
/// sort along the first axis.
Tensor msort(const Tensor& x, Location loc = Location::current());
/// The k largest (smallest) elements in order, and where they stood.
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true, bool sorted = true,
                               Location loc = Location::current());
/// The k-th smallest element (from 1) and its index.
std::pair<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim = -1, bool keepdim = false,
                                   Location loc = Location::current());
/// The middle element, the lower one of two; NaN if there is one.
Tensor median(const Tensor& x, Location loc = Location::current());
std::pair<Tensor, Tensor> median(const Tensor& x, int64_t dim, bool keepdim = false,
                                 Location loc = Location::current());
/// The same of the elements that are numbers.
Tensor nanmedian(const Tensor& x, Location loc = Location::current());
std::pair<Tensor, Tensor> nanmedian(const Tensor& x, int64_t dim, bool keepdim = false,
                                    Location loc = Location::current());
/// The value below which a fraction q of the elements lies, between neighbours by interpolation: "linear", "lower",
/// "higher", "midpoint" or "nearest". float32 and float64. NaN if there is one.
Tensor quantile(const Tensor& x, double q, std::optional<int64_t> dim = {}, bool keepdim = false,
                std::string_view interpolation = "linear", Location loc = Location::current());
/// For a vector q the results stand along a new first axis.
Tensor quantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim = {}, bool keepdim = false,
                std::string_view interpolation = "linear", Location loc = Location::current());
/// The same of the elements that are numbers.
Tensor nanquantile(const Tensor& x, double q, std::optional<int64_t> dim = {}, bool keepdim = false,
                   std::string_view interpolation = "linear", Location loc = Location::current());
Tensor nanquantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim = {}, bool keepdim = false,
                   std::string_view interpolation = "linear", Location loc = Location::current());
/// The element that occurs most often, the smallest of several, and its last index.
std::pair<Tensor, Tensor> mode(const Tensor& x, int64_t dim = -1, bool keepdim = false,
                               Location loc = Location::current());

/// The distinct elements in order, for each element of x which one it is, and how often each occurs (the last two are
/// undefined unless asked for). Evaluates x, because it decides the size. Every NaN is distinct.
std::tuple<Tensor, Tensor, Tensor> unique(const Tensor& x, bool sorted = true, bool return_inverse = false,
                                          bool return_counts = false, Location loc = Location::current());
/// PyTorch's C++ name.
std::tuple<Tensor, Tensor, Tensor> _unique2(const Tensor& x, bool sorted = true, bool return_inverse = false,
                                            bool return_counts = false, Location loc = Location::current());
/// The same of runs of equal elements, in their order.
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& x, bool return_inverse = false,
                                                      bool return_counts = false, std::optional<int64_t> dim = {},
                                                      Location loc = Location::current());
/// The same of the slices along an axis, ordered by their first differing element. No gradients pass through inverse
/// and counts, which have an element per slice.
std::tuple<Tensor, Tensor, Tensor> unique_dim(const Tensor& x, int64_t dim, bool sorted = true,
                                              bool return_inverse = false, bool return_counts = false,
                                              Location loc = Location::current());
std::tuple<Tensor, Tensor, Tensor> unique_dim_consecutive(const Tensor& x, int64_t dim, bool return_inverse = false,
                                                          bool return_counts = false,
                                                          Location loc = Location::current());

/// Where each value would be inserted into the ascending last axis to keep it so, before (or, with `right`, behind)
/// equal elements. `sorted_sequence` is 1-D, or has the leading axes of `values`.
Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool out_int32 = false, bool right = false,
                    Location loc = Location::current());
Tensor searchsorted(const Tensor& sorted_sequence, Scalar value, bool out_int32 = false, bool right = false,
                    Location loc = Location::current());
Tensor bucketize(const Tensor& values, const Tensor& boundaries, bool out_int32 = false, bool right = false,
                 Location loc = Location::current());
/// How often each number 0, 1, ... occurs (the sum of its weights). Evaluates x, because it decides the size.
Tensor bincount(const Tensor& x, const Tensor& weights = {}, int64_t minlength = 0, Location loc = Location::current());

}  // namespace lazuli

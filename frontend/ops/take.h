// What reading at indices is written with: gather nodes, and the place of their axes.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "frontend/tensor_impl.h"

namespace lazuli {

/// gather over `axes` (ascending), with one int64 index node per axis. `called`: the name in messages.
ir::NodeRef gather_at(const ir::NodeRef& x, ir::Dims axes, std::span<const ir::NodeRef> indices, const Location& loc,
                      const char* called = nullptr);
/// A scalar counts as a vector of one element.
ir::NodeRef at_least_1d(const ir::NodeRef& x, const Location& loc);
void need_same_device(std::string_view op, const ir::NodeRef& x, const ir::NodeRef& y, const Location& loc);
/// The index of index_select, index_add ... as int64[n].
ir::NodeRef vector_index(std::string_view op, const Tensor& index, const ir::NodeRef& x, const Location& loc);
/// The index of gather, scatter ..., with one axis per axis of x.
ir::NodeRef same_rank_index(std::string_view op, const Tensor& index, const ir::NodeRef& x, const Location& loc);
/// One index per axis: `index` along `axis`, its own positions along the others.
std::vector<ir::NodeRef> along(const ir::NodeRef& index, size_t axis, const Location& loc);
/// Indices in [-size, size) counted from the front. What is outside stays, so that errors show it.
ir::NodeRef wrapped_index(const ir::NodeRef& index, int64_t size, const Location& loc);
/// One of the scatters, likewise; `values` have the shape of the indices, then the axes of x that are left.
ir::NodeRef scatter_at(ir::Op op, const ir::NodeRef& x, const ir::NodeRef& values, ir::Dims axes,
                       std::span<const ir::NodeRef> indices, const Location& loc, const char* called = nullptr);
/// The elements along `axis` at `index` (int64, of x's rank), the other axes at their own positions.
ir::NodeRef take_along(const ir::NodeRef& x, const ir::NodeRef& index, size_t axis, const Location& loc,
                       const char* called = nullptr);
/// Row-major positions of the elements that are not zero, int64[n]. Evaluates, which `op` may not do in a
/// trace.
Tensor true_places(const char* op, const Tensor& x, const Location& loc);
/// The axes [first, first + count) moved so that they begin at `to`; the others keep their order.
ir::NodeRef move_axes(const ir::NodeRef& x, size_t first, size_t count, size_t to, const Location& loc);

}  // namespace lazuli

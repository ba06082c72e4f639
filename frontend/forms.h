// What the forms that lazuli-formgen writes are made of.
#pragma once
#include <tuple>
#include <utility>

#include "frontend/apply.h"
#include "lazuli/options.h"

namespace lazuli {

/// While one lives, this thread's results stay pending where they would be evaluated at once (set_eager): what is
/// written into another tensor is computed there, and not in memory of its own first.
class DeferScope {
 public:
  DeferScope();
  ~DeferScope();
  DeferScope(const DeferScope&) = delete;
  DeferScope& operator=(const DeferScope&) = delete;
  static bool active();

 private:
  const bool before_;
};

template <class F>
auto deferred(const F& compute) {
  const DeferScope scope;
  return compute();
}

/// What a tensor is made with that replaces `out`.
inline TensorOptions options_of(const Tensor& out) {
  return out.defined() ? TensorOptions(out.dtype()).device(out.device()) : TensorOptions();
}

inline OptionalDType type_of(OptionalDType named, const Tensor& out) {
  return named || !out.defined() ? named : out.dtype();
}

/// Throws DType unless `out` has this very type, or none yet.
void check_out_type(const Tensor& out, DType dtype, const Location& loc);
/// As write_out, for results that are not converted.
Tensor& write_out_exact(Tensor& out, Tensor&& value, const Location& loc);

inline std::tuple<Tensor&, Tensor&> write_outs(Tensor& out0, Tensor& out1, std::pair<Tensor, Tensor>&& values,
                                               const Location& loc) {
  check_out_type(out1, values.second.dtype(), loc);  // before anything is written
  write_out_exact(out0, std::move(values.first), loc);
  write_out_exact(out1, std::move(values.second), loc);
  return {out0, out1};
}

}  // namespace lazuli

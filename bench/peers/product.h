// The sizes of a matrix product, as libraries want them: read from the job of a case of contract/.
#pragma once
#include <string_view>

#include "protocol.h"

namespace bench {

struct ProductSizes {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool a_transposed = false, b_transposed = false;
  int64_t lda() const { return a_transposed ? m : k; }
  int64_t ldb() const { return b_transposed ? k : n; }
};

inline ProductSizes product_sizes(const Job& job) {
  ProductSizes p;
  const std::string_view name = job.name;
  p.a_transposed = name == "contract/tn" || name == "contract/tt";
  p.b_transposed = name == "contract/nt" || name == "contract/tt" || (name == "contract/gemv" && job.size == "nt");
  const Dims &a = job.inputs[0].value.dims, &c = job.outputs[0].value.dims;
  p.m = c[c.size() - 2];
  p.n = c.back();
  p.k = p.a_transposed ? a[a.size() - 2] : a.back();
  if (c.size() > 2) p.batch = c[0];
  return p;
}

/// Whether a case is a product of float32 and, beyond it, at most what epilogue.h has.
inline bool is_float_product(const Job& job) {
  return job.name.starts_with("contract/") && job.inputs[0].value.type == Type::F32 &&
         job.inputs[1].value.type == Type::F32 && job.name != "contract/bias_gelu_residual";
}

}  // namespace bench

// Programs that are written once for PyTorch's C++ API and for Lazuli: the include and the namespace differ, nothing
// else does. `p` is the namespace.
#pragma once
#ifdef PORT_TO_TORCH
#include <torch/torch.h>
namespace p = torch;
#else
#include <lazuli/lazuli.h>
namespace p = lazuli;
#endif

#include <cstdio>
#include <string>
#include <vector>

/// Sizes, type and values in one form; the libraries' own stream formats differ.
inline void show(const char* name, const p::Tensor& t) {
  if (!t.defined()) {
    std::printf("%s: undefined\n", name);
    return;
  }
  const struct {
    p::ScalarType type;
    const char* name;
  } types[] = {{p::kBool, "bool"},       {p::kUInt8, "uint8"},    {p::kInt8, "int8"},       {p::kInt16, "int16"},
               {p::kInt32, "int32"},     {p::kInt64, "int64"},    {p::kFloat16, "float16"}, {p::kBFloat16, "bfloat16"},
               {p::kFloat32, "float32"}, {p::kFloat64, "float64"}};
  std::printf("%s:", name);
  for (const auto& row : types)
    if (t.scalar_type() == row.type) std::printf(" %s", row.name);
  std::printf(" [");
  for (int64_t d = 0; d < t.dim(); ++d) std::printf(d == 0 ? "%lld" : ", %lld", static_cast<long long>(t.size(d)));
  std::printf("]");
  const p::Tensor flat = t.detach().to(p::kCPU).to(p::kFloat64).contiguous().view({-1});
  const double* values = flat.const_data_ptr<double>();
  for (int64_t i = 0; i < flat.numel(); ++i) std::printf(" %.5g", values[i]);
  std::printf("\n");
}

inline void show(const char* name, const std::vector<p::Tensor>& all) {
  for (size_t i = 0; i < all.size(); ++i) show((std::string(name) + "[" + std::to_string(i) + "]").c_str(), all[i]);
}

inline void show(const char* name, bool value) {
  std::printf("%s: %s\n", name, value ? "true" : "false");
}

inline void show(const char* name, double value) {
  std::printf("%s: %.5g\n", name, value);
}

/// Whether the call is refused.
template <class F>
void show_refused(const char* name, const F& call) {
  bool refused = false;
  try {
    call();
  } catch (const std::exception&) {
    refused = true;
  }
  show(name, refused);
}

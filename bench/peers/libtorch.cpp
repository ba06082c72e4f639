// libtorch from C++: the same operations as frameworks/pytorch.py, into tensors that exist where there is such a form.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <map>

#include "contestants/contestant.h"

namespace bench {
namespace {

using at::Tensor;
using Operands = std::vector<Tensor>;
/// Writes `y`.
using Run = void (*)(const Operands& in, Tensor& y);

void gelu(const Operands& in, Tensor& y, const char* form) {
  at::addcmul_out(y, in[2], in[0], in[1]);
  at::gelu_out(y, y, form);
}

Tensor phi(const Tensor& x) {
  return at::erfc(x * -0.70710678118654752).mul_(0.5);
}
void black_scholes(const Operands& in, Tensor& y) {
  const Tensor &s = in[0], &k = in[1], &t = in[2];
  const Tensor root = at::sqrt(t).mul_(0.3);
  const Tensor d1 = at::log(s / k).add_(t, 0.065).div_(root);
  at::mul_out(y, s, phi(d1));
  y.sub_(phi(d1 - root).mul_(k).mul_(at::exp(t * -0.02)));
}

void layer_norm(const Operands& in, Tensor& y) {
  y.copy_(at::layer_norm(in[0], {in[0].size(1)}, in[1], in[2]));
}

void add_rows(const Operands& in, Tensor& y) {
  y.zero_().index_add_(0, in[1], in[0]);
}

const std::map<std::string, Run> kRuns = {
    {"map/relu_bias",
     [](const Operands& in, Tensor& y) {
       at::addcmul_out(y, in[2], in[0], in[1]);
       y.relu_();
     }},
    {"map/gelu_bias", [](const Operands& in, Tensor& y) { gelu(in, y, "none"); }},
    {"map/gelu_tanh_bias", [](const Operands& in, Tensor& y) { gelu(in, y, "tanh"); }},
    {"map/black_scholes", black_scholes},
    {"map/cast_f32_bf16", [](const Operands& in, Tensor& y) { y.copy_(in[0]); }},
    {"map/rng_normal", [](const Operands&, Tensor& y) { y.normal_(); }},
    {"row/softmax", [](const Operands& in, Tensor& y) { at::softmax_out(y, in[0], 1); }},
    {"row/softmax_100k", [](const Operands& in, Tensor& y) { at::softmax_out(y, in[0], 1); }},
    {"row/layer_norm", layer_norm},
    {"row/cross_entropy", [](const Operands& in, Tensor& y) { y.copy_(at::cross_entropy_loss(in[0], in[1])); }},
    {"reduce/sum_all", [](const Operands& in, Tensor& y) { at::sum_out(y, in[0], at::IntArrayRef{0, 1}); }},
    {"reduce/sum_axis0", [](const Operands& in, Tensor& y) { at::sum_out(y, in[0], at::IntArrayRef{0}); }},
    {"reduce/sum_axis1", [](const Operands& in, Tensor& y) { at::sum_out(y, in[0], at::IntArrayRef{1}); }},
    {"reduce/var_axis0", [](const Operands& in, Tensor& y) { at::var_out(y, in[0], at::OptionalIntArrayRef{0}); }},
    {"reduce/var_axis1", [](const Operands& in, Tensor& y) { at::var_out(y, in[0], at::OptionalIntArrayRef{1}); }},
    {"reduce/argmax_axis1", [](const Operands& in, Tensor& y) { at::argmax_out(y, in[0], 1); }},
    {"scan/cumsum", [](const Operands& in, Tensor& y) { at::cumsum_out(y, in[0], 1); }},
    {"move/transpose", [](const Operands& in, Tensor& y) { y.copy_(in[0].t()); }},
    {"move/permute_0213", [](const Operands& in, Tensor& y) { y.copy_(in[0].permute({0, 2, 1, 3})); }},
    {"move/cat", [](const Operands& in, Tensor& y) { at::cat_out(y, {in[0], in[1]}, 1); }},
    {"move/flip", [](const Operands& in, Tensor& y) { y.copy_(in[0].flip(1)); }},
    {"gather/rows", [](const Operands& in, Tensor& y) { at::index_select_out(y, in[0], 0, in[1]); }},
    {"scatter/add_rows", add_rows},
    {"contract/sgemm", [](const Operands& in, Tensor& y) { at::mm_out(y, in[0], in[1]); }},
};

at::ScalarType dtype(Type type) {
  switch (type) {
    case Type::F32:
      return at::kFloat;
    case Type::F64:
      return at::kDouble;
    case Type::BF16:
      return at::kBFloat16;
    case Type::I8:
      return at::kChar;
    case Type::U8:
      return at::kByte;
    case Type::I32:
      return at::kInt;
    case Type::I64:
      return at::kLong;
  }
  throw std::invalid_argument("unknown type");
}

class Libtorch final : public Contestant {
 public:
  std::string version() const override { return TORCH_VERSION; }
  std::vector<Series> prepare(const Job& job, std::byte* shared) override {
    const auto at = kRuns.find(job.name);
    if (at == kRuns.end()) return {};
    at::set_num_threads(job.threads);
    return kernel_series(job, shared, [job, run = at->second](const Arguments& a) {
      const c10::InferenceMode no_gradients;
      Operands in;
      for (size_t i = 0; i < job.inputs.size(); ++i) in.push_back(over(job.inputs[i], a.in[i]));
      Tensor y = over(job.outputs[0], a.out[0]);
      run(in, y);
    });
  }

 private:
  static Tensor over(const Place& place, const void* data) {
    return at::from_blob(const_cast<void*>(data), place.value.dims, dtype(place.value.type));
  }
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::Libtorch peer;
  return bench::serve(peer, argc, argv);
}

// Halide: pipelines with schedules by hand, compiled for this machine when a case is prepared. Halide gives no bits
// away for speed unless asked; reductions are spelled with lanes of their own, as its documentation advises.
#include <Halide.h>

#include <cstdlib>
#include <map>

#include "contestants/contestant.h"

namespace bench {
namespace {

using namespace Halide;

constexpr int kVector = 16;
const Var x("x"), y("y"), lane("lane"), xo("xo"), xi("xi"), yo("yo"), yi("yi");

/// A case for one shape: dimension 0 are columns, dimension 1 rows.
struct Pipe {
  explicit Pipe(const Job& job)
      : columns(static_cast<int>(job.columns())), rows(static_cast<int>(job.rows())), threads(job.threads) {}

  int columns, rows, threads;
  std::vector<ImageParam> in;
  Func out{"out"};

  ImageParam matrix(Halide::Type t = Float(32)) { return operand(t, {columns, rows}); }
  ImageParam per_column() { return operand(Float(32), {columns}); }
  /// Dense, of known extents.
  ImageParam operand(Halide::Type t, std::vector<int> extents) {
    ImageParam p(t, static_cast<int>(extents.size()));
    int stride = 1;
    for (size_t d = 0; d < extents.size(); ++d) {
      p.dim(static_cast<int>(d)).set_bounds(0, extents[d]).set_stride(stride);
      stride *= extents[d];
    }
    p.set_host_alignment(64);
    in.push_back(p);
    return p;
  }
  /// Rows of `f` shared out among the threads.
  void by_rows(Func f) {
    if (threads > 1 && rows >= threads) f.split(y, yo, yi, (rows + threads - 1) / threads).parallel(yo);
  }
  void pointwise(int unroll = 1) {
    out.split(x, xo, xi, kVector * unroll, TailStrategy::GuardWithIf).vectorize(xi);
    by_rows(out);
  }
  /// Folds `term(column)` of every row over as many chains as fit, inside of a row of `out`.
  template <class Term, class Join>
  Func fold(Expr start, Term term, Join join) {
    const int lanes = columns % 64 == 0 ? 64 : columns % 16 == 0 ? 16 : 1;
    Func part("part"), whole("whole");
    RDom r(0, columns / lanes), l(0, lanes);
    part(lane, y) = start;
    part(lane, y) = join(part(lane, y), term(r * lanes + lane));
    whole(y) = start;
    whole(y) = join(whole(y), part(l, y));
    if (lanes > 1) {
      part.bound(lane, 0, lanes).vectorize(lane);
      part.update().reorder(lane, r).vectorize(lane);
    }
    folds.push_back(part);
    folds.push_back(whole);
    return whole;
  }
  void folds_within(Func f, Var at) {
    for (Func& g : folds) g.compute_at(f, at);
  }
  std::vector<Func> folds;
};

const auto kPlus = [](Expr a, Expr b) { return a + b; };

void affine(Pipe& p, Expr (*f)(Expr)) {
  ImageParam a = p.matrix(), w = p.per_column(), b = p.per_column();
  p.out(x, y) = f(a(x, y) * w(x) + b(x));
  p.pointwise();
}
void relu_bias(Pipe& p) {
  affine(p, [](Expr v) { return max(v, 0.f); });
}
void gelu_tanh_bias(Pipe& p) {
  affine(p, [](Expr v) { return v / (1.f + exp(-1.5957691216f * (v + 0.044715f * v * v * v))); });
}

void where_chain(Pipe& p) {
  ImageParam a = p.matrix(), b = p.matrix();
  const Expr u = a(x, y), v = b(x, y);
  p.out(x, y) = clamp(select(u > 0, u * v, select(v > 0, u + v, u - v)), -1.f, 1.f);
  p.pointwise();
}

void int_mix(Pipe& p) {
  ImageParam a = p.matrix(Int(32)), b = p.matrix(Int(32));
  const Expr u = reinterpret<uint32_t>(a(x, y)), v = reinterpret<uint32_t>(b(x, y));
  const Expr h = (u ^ (v << 13)) * Expr(uint32_t{2654435761u});
  const Expr k = h ^ reinterpret<uint32_t>(reinterpret<int32_t>(h) >> 16);
  p.out(x, y) = reinterpret<int32_t>(k + v);
  p.pointwise();
}

void strided_sum3(Pipe& p) {
  ImageParam a = p.matrix(), b = p.operand(Float(32), {p.rows, p.columns}), c = p.matrix();
  p.out(x, y) = a(x, y) + b(y, x) + c(p.columns - 1 - x, y);
  p.out.tile(x, y, xo, yo, xi, yi, kVector, kVector, TailStrategy::GuardWithIf).vectorize(xi);
  if (p.threads > 1) p.out.parallel(yo);
}

void softmax(Pipe& p) {
  ImageParam a = p.matrix();
  const Func most = p.fold(Float(32).min(), [&](Expr j) { return a(j, y); }, [](Expr u, Expr v) { return max(u, v); });
  Func e("e");
  e(x, y) = exp(a(x, y) - most(y));
  const Func sum = p.fold(0.f, [&](Expr j) { return e(j, y); }, kPlus);
  Func scale("scale");
  scale(y) = 1.f / sum(y);
  p.out(x, y) = e(x, y) * scale(y);
  p.pointwise();
  const Var at = p.threads > 1 && p.rows >= p.threads ? yi : y;
  e.compute_at(p.out, at).vectorize(x, kVector, TailStrategy::GuardWithIf);
  scale.compute_at(p.out, at);
  p.folds_within(p.out, at);
}

void layer_norm(Pipe& p) {
  ImageParam a = p.matrix(), w = p.per_column(), b = p.per_column();
  const float n = static_cast<float>(p.columns);
  const Func sum = p.fold(0.f, [&](Expr j) { return a(j, y); }, kPlus);
  Func mean("mean"), scale("scale");
  mean(y) = sum(y) / n;
  const auto square = [&](Expr j) { return (a(j, y) - mean(y)) * (a(j, y) - mean(y)); };
  const Func squares = p.fold(0.f, square, kPlus);
  scale(y) = 1.f / sqrt(squares(y) / n + 1e-5f);
  p.out(x, y) = (a(x, y) - mean(y)) * scale(y) * w(x) + b(x);
  p.pointwise();
  const Var at = p.threads > 1 && p.rows >= p.threads ? yi : y;
  mean.compute_at(p.out, at);
  scale.compute_at(p.out, at);
  p.folds_within(p.out, at);
}

void sum_axis1(Pipe& p) {
  ImageParam a = p.matrix();
  const Func sum = p.fold(0.f, [&](Expr j) { return a(j, y); }, kPlus);
  p.out(y) = sum(y);
  p.by_rows(p.out);
  p.folds_within(p.out, p.threads > 1 && p.rows >= p.threads ? yi : y);
}

void sum_axis0(Pipe& p) {
  ImageParam a = p.matrix();
  RDom r(0, p.rows);
  Func sum("sum");
  sum(x) = 0.f;
  sum(x) += a(x, r);
  p.out(x) = sum(x);
  const int part = (p.columns + p.threads - 1) / p.threads;
  p.out.split(x, xo, xi, part, TailStrategy::GuardWithIf);
  if (p.threads > 1) p.out.parallel(xo);
  sum.compute_at(p.out, xo).vectorize(x, kVector);
  sum.update().reorder(x, r).vectorize(x, kVector, TailStrategy::GuardWithIf);
}

void sum_all(Pipe& p) {
  ImageParam a = p.matrix();
  const Func sum = p.fold(0.f, [&](Expr j) { return a(j, y); }, kPlus);
  Func by_row("by_row");
  by_row(y) = sum(y);
  RDom r(0, p.rows);
  p.out() = 0.f;
  p.out() += by_row(r);
  by_row.compute_root();
  p.by_rows(by_row);
  p.folds_within(by_row, p.threads > 1 && p.rows >= p.threads ? yi : y);
}

void transpose(Pipe& p) {
  ImageParam a = p.matrix();
  p.out(x, y) = a(y, x);
  p.out.tile(x, y, xo, yo, xi, yi, kVector, kVector, TailStrategy::GuardWithIf).vectorize(xi).unroll(yi);
  a.in().compute_at(p.out, xo).vectorize(a.in().args()[0], kVector).unroll(a.in().args()[1]);
  if (p.threads > 1) p.out.parallel(yo);
}

void flip(Pipe& p) {
  ImageParam a = p.matrix();
  p.out(x, y) = a(p.columns - 1 - x, y);
  p.pointwise();
}

const std::map<std::string, void (*)(Pipe&)> kPipes = {
    {"map/relu_bias", relu_bias},
    {"map/gelu_tanh_bias", gelu_tanh_bias},
    {"map/where_chain", where_chain},
    {"map/int_mix", int_mix},
    {"map/strided_sum3", strided_sum3},
    {"row/softmax", softmax},
    {"row/softmax_100k", softmax},
    {"row/layer_norm", layer_norm},
    {"reduce/sum_all", sum_all},
    {"reduce/sum_axis0", sum_axis0},
    {"reduce/sum_axis1", sum_axis1},
    {"move/transpose", transpose},
    {"move/flip", flip},
};

/// A dense buffer over memory that exists, the last dimension of `dims` first.
Runtime::Buffer<void> view(const Place& place, const void* data) {
  std::vector<int> extents(place.value.dims.rbegin(), place.value.dims.rend());
  const halide_type_t type = place.value.type == bench::Type::I32 ? halide_type_of<int32_t>() : halide_type_of<float>();
  return Runtime::Buffer<void>(type, const_cast<void*>(data), extents);
}

class HalidePeer final : public Contestant {
 public:
  std::string version() const override {
    return std::to_string(HALIDE_VERSION_MAJOR) + "." + std::to_string(HALIDE_VERSION_MINOR) + "." +
           std::to_string(HALIDE_VERSION_PATCH);
  }
  std::vector<Series> prepare(const Job& job, std::byte* shared) override {
    const auto at = kPipes.find(job.name);
    if (at == kPipes.end()) return {};
    setenv("HL_NUM_THREADS", std::to_string(job.threads).c_str(), 1);  // read when the pool starts
    Pipe p(job);
    at->second(p);
    int stride = 1, d = 0;
    for (auto n = job.outputs[0].value.dims.rbegin(); n != job.outputs[0].value.dims.rend(); ++n, ++d) {
      p.out.output_buffer().dim(d).set_bounds(0, static_cast<int>(*n)).set_stride(stride);
      stride *= static_cast<int>(*n);
    }
    std::vector<Argument> arguments;
    for (const ImageParam& operand : p.in) arguments.push_back(operand);
    auto run = std::make_shared<Callable>(p.out.compile_to_callable(
        arguments,
        get_jit_target_from_environment().with_feature(Target::NoAsserts).with_feature(Target::NoBoundsQuery)));
    return kernel_series(job, shared, [run, job](const Arguments& a) {
      std::vector<Runtime::Buffer<void>> buffers;
      for (size_t i = 0; i < job.inputs.size(); ++i) buffers.push_back(view(job.inputs[i], a.in[i]));
      buffers.push_back(view(job.outputs[0], a.out[0]));
      if (const int status = call(*run, buffers))
        throw std::runtime_error("Halide's pipeline returned " + std::to_string(status));
    });
  }

 private:
  static int call(const Callable& f, std::vector<Runtime::Buffer<void>>& b) {
    switch (b.size()) {
      case 2:
        return f(b[0], b[1]);
      case 3:
        return f(b[0], b[1], b[2]);
      default:
        return f(b[0], b[1], b[2], b[3]);
    }
  }
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::HalidePeer peer;
  return bench::serve(peer, argc, argv);
}

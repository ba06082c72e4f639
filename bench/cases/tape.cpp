#include "cases/tape.h"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

using Numbers = Tape::Numbers;

/// c (m, n) += a (m, k) b (k, n), four rows at a time.
__attribute__((target_clones("avx512f", "avx2", "default"))) void multiply(const double* a, const double* b, double* c,
                                                                           int64_t m, int64_t k, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4)
    for (int64_t p = 0; p < k; ++p) {
      const double *row = b + p * n, *x = a + i * k + p;
      const double x0 = x[0], x1 = x[k], x2 = x[2 * k], x3 = x[3 * k];
      double *c0 = c + i * n, *c1 = c0 + n, *c2 = c1 + n, *c3 = c2 + n;
      for (int64_t j = 0; j < n; ++j) {
        c0[j] += x0 * row[j];
        c1[j] += x1 * row[j];
        c2[j] += x2 * row[j];
        c3[j] += x3 * row[j];
      }
    }
  for (; i < m; ++i)
    for (int64_t p = 0; p < k; ++p)
      for (int64_t j = 0; j < n; ++j) c[i * n + j] += a[i * k + p] * b[p * n + j];
}

Numbers transposed(const double* a, int64_t rows, int64_t columns) {
  Numbers t(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) t[static_cast<size_t>(j * rows + i)] = a[i * columns + j];
  return t;
}

/// What c = a b gives a and b of c's gradient.
void multiply_back(const double* a, const double* b, const double* dc, double* da, double* db, int64_t m, int64_t k,
                   int64_t n) {
  multiply(dc, transposed(b, k, n).data(), da, m, n, k);
  multiply(transposed(a, m, k).data(), dc, db, k, m, n);
}

/// Calls f(pixel of the input, place in the window) for every window element that is in the image.
template <class F>
void for_window(int64_t side, int64_t y, int64_t x, const F& f) {
  for (int64_t dy = 0; dy < 3; ++dy)
    for (int64_t dx = 0; dx < 3; ++dx)
      if (const int64_t v = y + dy - 1, u = x + dx - 1; v >= 0 && v < side && u >= 0 && u < side)
        f(v * side + u, dy * 3 + dx);
}

}  // namespace

Tape::Id Tape::push(Numbers value) {
  Numbers zeros(value.size());
  nodes_.push_back({std::move(value), std::move(zeros), {}});
  return nodes_.size() - 1;
}

Tape::Id Tape::leaf(const float* at, int64_t count) {
  return push(Numbers(at, at + count));
}

Tape::Id Tape::affine(Id x, Id w, Id b, int64_t rows, int64_t inner, int64_t columns) {
  Numbers y;
  for (int64_t i = 0; i < rows; ++i) y.insert(y.end(), value(b).begin(), value(b).end());
  multiply(value(x).data(), value(w).data(), y.data(), rows, inner, columns);
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this] {
    const double* g = gradient(id).data();
    multiply_back(value(x).data(), value(w).data(), g, nodes_[x].gradient.data(), nodes_[w].gradient.data(), rows,
                  inner, columns);
    for (int64_t i = 0; i < rows * columns; ++i) nodes_[b].gradient[static_cast<size_t>(i % columns)] += g[i];
  };
  return id;
}

Tape::Id Tape::add(Id x, Id y) {
  Numbers sum = value(x);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += value(y)[i];
  const Id id = push(std::move(sum));
  nodes_[id].back = [=, this] {
    for (size_t i = 0; i < gradient(id).size(); ++i) {
      nodes_[x].gradient[i] += gradient(id)[i];
      nodes_[y].gradient[i] += gradient(id)[i];
    }
  };
  return id;
}

Tape::Id Tape::relu(Id x) {
  Numbers y = value(x);
  for (double& v : y) v = std::max(v, 0.0);
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this] {
    for (size_t i = 0; i < gradient(id).size(); ++i)
      if (value(x)[i] > 0) nodes_[x].gradient[i] += gradient(id)[i];
  };
  return id;
}

Tape::Id Tape::gelu(Id x) {
  const auto phi = [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); };
  Numbers y = value(x);
  for (double& v : y) v *= phi(v);
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this] {
    for (size_t i = 0; i < gradient(id).size(); ++i) {
      const double v = value(x)[i];
      nodes_[x].gradient[i] += gradient(id)[i] * (phi(v) + v * std::exp(-0.5 * v * v) / std::sqrt(2 * M_PI));
    }
  };
  return id;
}

Tape::Id Tape::layer_norm(Id x, Id w, Id b, int64_t rows, int64_t columns) {
  const auto n = static_cast<size_t>(columns);
  Numbers normal = value(x), scale(static_cast<size_t>(rows));
  for (size_t i = 0; i < scale.size(); ++i) {
    double mean = 0, variance = 0;
    for (size_t j = 0; j < n; ++j) mean += normal[i * n + j] / static_cast<double>(n);
    for (size_t j = 0; j < n; ++j) {
      normal[i * n + j] -= mean;
      variance += normal[i * n + j] * normal[i * n + j] / static_cast<double>(n);
    }
    scale[i] = 1 / std::sqrt(variance + 1e-5);
    for (size_t j = 0; j < n; ++j) normal[i * n + j] *= scale[i];
  }
  Numbers y = normal;
  for (size_t i = 0; i < y.size(); ++i) y[i] = y[i] * value(w)[i % n] + value(b)[i % n];
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this, normal = std::move(normal), scale = std::move(scale)] {
    for (size_t i = 0; i < scale.size(); ++i) {
      double mean = 0, along = 0;
      for (size_t j = 0; j < n; ++j) {
        const double g = gradient(id)[i * n + j], h = normal[i * n + j];
        nodes_[w].gradient[j] += g * h;
        nodes_[b].gradient[j] += g;
        mean += g * value(w)[j] / static_cast<double>(n);
        along += g * value(w)[j] * h / static_cast<double>(n);
      }
      for (size_t j = 0; j < n; ++j)
        nodes_[x].gradient[i * n + j] +=
            scale[i] * (gradient(id)[i * n + j] * value(w)[j] - mean - normal[i * n + j] * along);
    }
  };
  return id;
}

Tape::Id Tape::attention(Id qkv, int64_t batch, int64_t places, int64_t heads, int64_t depth) {
  const int64_t step = 3 * heads * depth;
  const double scale = 1 / std::sqrt(static_cast<double>(depth));
  // Of query i of a head: where its row begins, and those of keys and values of place j.
  const auto row = [=](int64_t b, int64_t h, int64_t i, int64_t part) {
    return (b * places + i) * step + (part * heads + h) * depth;
  };
  Numbers y(static_cast<size_t>(batch * places * heads * depth)), weights;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < places; ++i) {
        const double *at = value(qkv).data(), *q = at + row(b, h, i, 0);
        const size_t first = weights.size();
        double most = -INFINITY, all = 0;
        for (int64_t j = 0; j <= i; ++j) {
          double s = 0;
          for (int64_t d = 0; d < depth; ++d) s += q[d] * at[row(b, h, j, 1) + d];
          weights.push_back(s * scale);
          most = std::max(most, s * scale);
        }
        for (int64_t j = 0; j <= i; ++j) all += std::exp(weights[first + static_cast<size_t>(j)] - most);
        for (int64_t j = 0; j <= i; ++j) {
          double& w = weights[first + static_cast<size_t>(j)];
          w = std::exp(w - most) / all;
          for (int64_t d = 0; d < depth; ++d)
            y[static_cast<size_t>(((b * places + i) * heads + h) * depth + d)] += w * at[row(b, h, j, 2) + d];
        }
      }
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this, weights = std::move(weights)] {
    const double *w = weights.data(), *at = value(qkv).data();
    double* to = nodes_[qkv].gradient.data();
    Numbers of_weight(static_cast<size_t>(places));
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < places; w += ++i) {
          const double* g = gradient(id).data() + ((b * places + i) * heads + h) * depth;
          double along = 0;
          for (int64_t j = 0; j <= i; ++j) {
            double s = 0;
            for (int64_t d = 0; d < depth; ++d) {
              s += g[d] * at[row(b, h, j, 2) + d];
              to[row(b, h, j, 2) + d] += w[j] * g[d];
            }
            of_weight[static_cast<size_t>(j)] = s;
            along += s * w[j];
          }
          for (int64_t j = 0; j <= i; ++j) {
            const double s = w[j] * (of_weight[static_cast<size_t>(j)] - along) * scale;
            for (int64_t d = 0; d < depth; ++d) {
              to[row(b, h, i, 0) + d] += s * at[row(b, h, j, 1) + d];
              to[row(b, h, j, 1) + d] += s * at[row(b, h, i, 0) + d];
            }
          }
        }
  };
  return id;
}

Tape::Id Tape::embedding(Id table, Id positions, const int64_t* index, int64_t rows, int64_t places, int64_t columns) {
  Numbers y(static_cast<size_t>(rows * columns));
  const auto both = [=](int64_t i, int64_t j) {
    return std::pair(static_cast<size_t>(index[i] * columns + j), static_cast<size_t>(i % places * columns + j));
  };
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const auto [word, place] = both(i, j);
      y[static_cast<size_t>(i * columns + j)] = value(table)[word] + value(positions)[place];
    }
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this] {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        const auto [word, place] = both(i, j);
        nodes_[table].gradient[word] += gradient(id)[static_cast<size_t>(i * columns + j)];
        nodes_[positions].gradient[place] += gradient(id)[static_cast<size_t>(i * columns + j)];
      }
  };
  return id;
}

Tape::Id Tape::convolution(Id x, Id w, Id b, int64_t images, int64_t from, int64_t to, int64_t side) {
  const int64_t pixels = side * side, depth = from * 9;
  const auto windows = [=, this](int64_t image) {
    Numbers columns(static_cast<size_t>(depth * pixels));
    for (int64_t c = 0; c < from; ++c)
      for (int64_t at = 0; at < pixels; ++at)
        for_window(side, at / side, at % side, [&](int64_t pixel, int64_t place) {
          columns[static_cast<size_t>((c * 9 + place) * pixels + at)] =
              value(x)[static_cast<size_t>((image * from + c) * pixels + pixel)];
        });
    return columns;
  };
  Numbers y(static_cast<size_t>(images * to * pixels));
  for (int64_t image = 0; image < images; ++image) {
    double* out = y.data() + image * to * pixels;
    for (int64_t i = 0; i < to * pixels; ++i) out[i] = value(b)[static_cast<size_t>(i / pixels)];
    multiply(value(w).data(), windows(image).data(), out, to, depth, pixels);
  }
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this] {
    for (int64_t image = 0; image < images; ++image) {
      const double* g = gradient(id).data() + image * to * pixels;
      Numbers columns(static_cast<size_t>(depth * pixels));
      multiply_back(value(w).data(), windows(image).data(), g, nodes_[w].gradient.data(), columns.data(), to, depth,
                    pixels);
      for (int64_t i = 0; i < to * pixels; ++i) nodes_[b].gradient[static_cast<size_t>(i / pixels)] += g[i];
      for (int64_t c = 0; c < from; ++c)
        for (int64_t at = 0; at < pixels; ++at)
          for_window(side, at / side, at % side, [&](int64_t pixel, int64_t place) {
            nodes_[x].gradient[static_cast<size_t>((image * from + c) * pixels + pixel)] +=
                columns[static_cast<size_t>((c * 9 + place) * pixels + at)];
          });
    }
  };
  return id;
}

Tape::Id Tape::pool(Id x, int64_t planes, int64_t side) {
  std::vector<size_t> from;
  Numbers y;
  for (int64_t plane = 0; plane < planes; ++plane)
    for (int64_t v = 0; v < side; v += 2)
      for (int64_t u = 0; u < side; u += 2) {
        const auto corner = static_cast<size_t>((plane * side + v) * side + u);
        size_t best = corner;
        for (const size_t at : {corner + 1, corner + static_cast<size_t>(side), corner + static_cast<size_t>(side) + 1})
          if (value(x)[at] > value(x)[best]) best = at;
        from.push_back(best);
        y.push_back(value(x)[best]);
      }
  const Id id = push(std::move(y));
  nodes_[id].back = [=, this, from = std::move(from)] {
    for (size_t i = 0; i < from.size(); ++i) nodes_[x].gradient[from[i]] += gradient(id)[i];
  };
  return id;
}

Tape::Id Tape::cross_entropy(Id x, const int64_t* target, int64_t rows, int64_t classes) {
  Numbers p = value(x);
  double loss = 0;
  for (int64_t i = 0; i < rows; ++i) {
    double* row = p.data() + i * classes;
    const double most = *std::max_element(row, row + classes), given = row[target[i]];
    double all = 0;
    for (int64_t j = 0; j < classes; ++j) all += row[j] = std::exp(row[j] - most);
    for (int64_t j = 0; j < classes; ++j) row[j] /= all;
    loss += (std::log(all) + most - given) / static_cast<double>(rows);
    row[target[i]] -= 1;
  }
  const Id id = push({loss});
  nodes_[id].back = [=, this, p = std::move(p)] {
    for (size_t i = 0; i < p.size(); ++i) nodes_[x].gradient[i] += gradient(id)[0] * p[i] / static_cast<double>(rows);
  };
  return id;
}

Tape::Id Tape::squared_error(Id x, const float* y) {
  const auto n = static_cast<double>(value(x).size());
  double loss = 0;
  for (size_t i = 0; i < value(x).size(); ++i) loss += (value(x)[i] - y[i]) * (value(x)[i] - y[i]) / n;
  const Id id = push({loss});
  nodes_[id].back = [=, this] {
    for (size_t i = 0; i < value(x).size(); ++i)
      nodes_[x].gradient[i] += gradient(id)[0] * 2 * (value(x)[i] - y[i]) / n;
  };
  return id;
}

void Tape::backward(Id result, Numbers gradient) {
  nodes_[result].gradient = std::move(gradient);
  for (size_t id = result + 1; id-- > 0;)
    if (nodes_[id].back) nodes_[id].back();
}

}  // namespace bench

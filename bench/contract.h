// Matrix products: Lazuli beside the libraries that this machine has. Libraries are loaded when the program runs; one
// that is missing is left out.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results.h"

namespace bench {

/// c = a * b for row-major n x n float32 matrices, on one thread.
using Multiply = std::function<void(const float* a, const float* b, float* c, int64_t n)>;

struct Library {
  std::string name, version;
  Multiply multiply;
};
/// OpenBLAS, BLIS, oneDNN where they are installed, and Eigen.
std::vector<Library> matrix_libraries();

void eigen_multiply(const float* a, const float* b, float* c, int64_t n);
std::string eigen_version();
/// c = gelu(c + bias) + residual, the form of gelu with tanh, as one would write it after a library's product.
void eigen_epilogue(float* c, const float* bias, const float* residual, int64_t n);

/// The cases contract/sgemm/{512,1024,2048} and contract/sgemm_epilogue/1024 that a filter leaves.
class ContractCases {
 public:
  explicit ContractCases(const std::string& filter);
  ~ContractCases();
  bool empty() const;
  /// Everybody's results agree with float64.
  void check();
  /// Registers the series.
  void add(int rounds);
  /// Takes the rounds of a series by its key and gives them a name.
  void collect(const std::function<Series(const std::string& key, std::string name)>& take, Results& results);

 private:
  struct Case;
  std::vector<std::unique_ptr<Case>> cases_;
  std::vector<Library> libraries_;
};

}  // namespace bench

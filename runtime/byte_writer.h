// Builds cache keys: integers as LEB128, so that equal sequences of calls give equal bytes and nothing else does.
#pragma once
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "ir/node.h"

namespace lazuli::runtime {

class ByteWriter {
 public:
  void put(uint64_t v) {
    while (v >= 0x80) {
      bytes_.push_back(static_cast<char>(v | 0x80));
      v >>= 7;
    }
    bytes_.push_back(static_cast<char>(v));
  }
  void put_signed(int64_t v) { put(static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63)); }
  void put(std::span<const int64_t> dims) {
    put(dims.size());
    for (const int64_t d : dims) put_signed(d);
  }
  void put(std::string_view text) {
    put(text.size());
    bytes_.append(text);
  }
  /// Everything about a node but its inputs and the identity of a leaf.
  void put(const ir::Node& n);

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }
  void reserve(size_t n) { bytes_.reserve(n); }

 private:
  std::string bytes_;
};

inline void ByteWriter::put(const ir::Node& n) {
  put(static_cast<uint64_t>(n.op()));
  put(static_cast<uint64_t>(n.dtype()));
  put(static_cast<uint64_t>(n.device().type()) << 8 | static_cast<uint8_t>(n.device().index()));
  put(std::span<const int64_t>(n.shape()));
  put(n.attr().index());
  struct Visitor {
    ByteWriter& out;
    void operator()(const ir::NoAttr&) const {}
    void operator()(const ir::ConstantAttr& a) const { out.put(a.bits); }
    void operator()(const ir::LeafAttr&) const {}    // whose identity it is, is numbered by its order
    void operator()(const ir::CustomAttr&) const {}  // no part of the value
    void operator()(const ir::AxesAttr& a) const { out.put(std::span<const int64_t>(a.axes)); }
    void operator()(const ir::SliceAttr& a) const {
      out.put(std::span<const int64_t>(a.start));
      out.put(std::span<const int64_t>(a.step));
    }
    void operator()(const ir::PadAttr& a) const {
      out.put(std::span<const int64_t>(a.low));
      out.put(std::span<const int64_t>(a.high));
    }
    void operator()(const ir::DotAttr& a) const {
      for (const ir::Dims* d : {&a.dims->lhs_batch, &a.dims->rhs_batch, &a.dims->lhs_contract, &a.dims->rhs_contract})
        out.put(std::span<const int64_t>(*d));
    }
    void operator()(const ir::WindowAttr& a) const {
      const ir::WindowDims& w = *a.dims;
      for (const ir::Dims* d : {&w.size, &w.step, &w.dilation, &w.low, &w.high, &w.spread, &w.groups})
        out.put(std::span<const int64_t>(*d));
    }
    void operator()(const ir::CompositeAttr& a) const {
      out.put(std::span<const int64_t>(a.axes));
      out.put(std::bit_cast<uint64_t>(a.number));
    }
  };
  std::visit(Visitor{*this}, n.attr());
}

}  // namespace lazuli::runtime

// The spelling of attributes: one list of keys per kind of attribute.
#include "ir/text_attr.h"

namespace lazuli::ir {
namespace {

using Kind = AttrField::Kind;

/// Reads one list of an attribute.
template <class A, auto Member>
const Dims& list_of(const Attr& a) {
  return std::get<A>(a).*Member;
}
template <auto Member>
const Dims& dot_list(const Attr& a) {
  return (*std::get<DotAttr>(a).dims).*Member;
}

template <auto Member>
const Dims& window_list(const Attr& a) {
  return (*std::get<WindowAttr>(a).dims).*Member;
}

constexpr AttrField kAxes[] = {{"axes", Kind::List, list_of<AxesAttr, &AxesAttr::axes>}};
constexpr AttrField kAxis[] = {{"axis", Kind::One, list_of<AxesAttr, &AxesAttr::axes>}};
constexpr AttrField kSlice[] = {{"start", Kind::List, list_of<SliceAttr, &SliceAttr::start>},
                                {"step", Kind::List, list_of<SliceAttr, &SliceAttr::step>}};
constexpr AttrField kPad[] = {{"low", Kind::List, list_of<PadAttr, &PadAttr::low>},
                              {"high", Kind::List, list_of<PadAttr, &PadAttr::high>}};
constexpr AttrField kDot[] = {{"lhs_batch", Kind::List, dot_list<&DotDims::lhs_batch>},
                              {"rhs_batch", Kind::List, dot_list<&DotDims::rhs_batch>},
                              {"lhs_contract", Kind::List, dot_list<&DotDims::lhs_contract>},
                              {"rhs_contract", Kind::List, dot_list<&DotDims::rhs_contract>}};
constexpr AttrField kWindows[] = {{"size", Kind::List, window_list<&WindowDims::size>},
                                  {"step", Kind::List, window_list<&WindowDims::step>},
                                  {"dilation", Kind::List, window_list<&WindowDims::dilation>}};
constexpr AttrField kConvolution[] = {kWindows[1],
                                      kWindows[2],
                                      {"low", Kind::List, window_list<&WindowDims::low>},
                                      {"high", Kind::List, window_list<&WindowDims::high>},
                                      {"spread", Kind::List, window_list<&WindowDims::spread>},
                                      {"groups", Kind::One, window_list<&WindowDims::groups>}};
constexpr AttrField kCompositeAxes[] = {{"axes", Kind::List, list_of<CompositeAttr, &CompositeAttr::axes>}};
constexpr AttrField kCompositeAxis[] = {{"axis", Kind::One, list_of<CompositeAttr, &CompositeAttr::axes>}};
constexpr AttrField kVar[] = {kCompositeAxes[0], {"correction", Kind::Number, nullptr}};
constexpr AttrField kCustom[] = {{"result", Kind::Result, nullptr}};
constexpr AttrField kAttention[] = {{"causal", Kind::One, list_of<CompositeAttr, &CompositeAttr::axes>},
                                    {"scale", Kind::Number, nullptr}};
constexpr AttrField kLayerNorm[] = {kCompositeAxes[0], {"epsilon", Kind::Number, nullptr}};

}  // namespace

std::span<const AttrField> attr_fields(Op op) {
  switch (op) {
    case Op::iota:
    case Op::concat:
      return kAxis;
    case Op::permute:
    case Op::flip:
      return kAxes;
    case Op::slice:
    case Op::slice_update:
      return kSlice;
    case Op::pad:
      return kPad;
    case Op::dot_general:
      return kDot;
    case Op::windows:
    case Op::fold:
      return kWindows;
    case Op::convolution:
      return kConvolution;
    case Op::softmax:
    case Op::log_softmax:
      return kCompositeAxis;
    case Op::var:
      return kVar;
    case Op::layer_norm:
      return kLayerNorm;
    case Op::custom_result:
      return kCustom;
    default:
      break;
  }
  switch (family(op)) {
    case Family::Scan:
      return kAxis;
    case Family::Indexed:
    case Family::Reduce:
      return kAxes;
    case Family::Attention:
      return kAttention;
    case Family::Composite:
      return kCompositeAxes;
    default:
      return {};
  }
}

Attr make_attr(Op op, std::span<const Dims> lists, double number) {
  switch (op) {
    case Op::iota:
    case Op::concat:
    case Op::permute:
    case Op::flip:
      return AxesAttr{lists[0]};
    case Op::slice:
    case Op::slice_update:
      return SliceAttr{lists[0], lists[1]};
    case Op::pad:
      return PadAttr{lists[0], lists[1]};
    case Op::dot_general:
      return DotAttr{std::make_shared<const DotDims>(DotDims{lists[0], lists[1], lists[2], lists[3]})};
    case Op::windows:
    case Op::fold:
      return WindowAttr{std::make_shared<const WindowDims>(WindowDims{lists[0], lists[1], lists[2]})};
    case Op::convolution:
      return WindowAttr{std::make_shared<const WindowDims>(
          WindowDims{{}, lists[0], lists[1], lists[2], lists[3], lists[4], lists[5]})};
    case Op::custom_result:
      return CustomAttr{nullptr, lists[0][0]};
    default:
      break;
  }
  switch (family(op)) {
    case Family::Indexed:
    case Family::Scan:
    case Family::Reduce:
      return AxesAttr{lists[0]};
    case Family::Attention:
    case Family::Composite:
      return CompositeAttr{lists[0], number};
    default:
      return NoAttr{};
  }
}

}  // namespace lazuli::ir

// DLPack in both directions. What a producer says is believed only about memory: that it is there, and of the size that
// shape and strides reach. Everything else is checked before it is used.
#include "lazuli/dlpack.h"

#include <fmt/format.h>

#include <array>
#include <atomic>

#include "frontend/compile/scope.h"
#include "frontend/context.h"
#include "frontend/cuda.h"
#include "frontend/dlpack_abi.h"
#include "frontend/external.h"
#include "lazuli/cuda.h"

namespace lazuli {

namespace {

constexpr uint32_t kMajor = 1, kMinor = 1;

template <class Managed>
void delete_managed(Managed* managed) {
  if (managed->deleter) managed->deleter(managed);
}

struct TypeRow {
  uint8_t code, bits;
  DType dtype;
};
constexpr TypeRow kTypes[] = {
    {kDLBool, 8, kBool},      {kDLUInt, 8, kUInt8},     {kDLInt, 8, kInt8},       {kDLInt, 16, kInt16},
    {kDLInt, 32, kInt32},     {kDLInt, 64, kInt64},     {kDLFloat, 16, kFloat16}, {kDLBfloat, 16, kBFloat16},
    {kDLFloat, 32, kFloat32}, {kDLFloat, 64, kFloat64},
};

std::string str(const DLDataType& t) {
  constexpr const char* names[] = {"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  const std::string kind = t.code < std::size(names) ? names[t.code] : fmt::format("type {} of ", t.code);
  return t.lanes == 1 ? fmt::format("{}{}", kind, t.bits) : fmt::format("{}{}x{}", kind, t.bits, t.lanes);
}

DType imported_type(const DLDataType& t, const Location& loc) {
  if (t.lanes == 1)
    for (const TypeRow& row : kTypes)
      if (row.code == t.code && row.bits == t.bits) return row.dtype;
  throw Error(ErrorKind::Unsupported, fmt::format("from_dlpack: element type {} is not supported", str(t)),
              "convert it where the data comes from", loc);
}

Device imported_device(const DLDevice& d, const Location& loc) {
  if (d.device_type == kDLCPU || d.device_type == kDLCUDAHost) return kCPU;
  if (d.device_type != kDLCUDA && d.device_type != kDLCUDAManaged)
    throw Error(ErrorKind::Unsupported,
                fmt::format("from_dlpack: device type {} is not supported", static_cast<int32_t>(d.device_type)),
                "move the data to the host or to a CUDA device where it comes from", loc);
  if (d.device_id < 0 || d.device_id > INT8_MAX)
    throw Error(ErrorKind::Device, fmt::format("from_dlpack: there is no CUDA device {}", d.device_id), {}, loc);
  return Device(kCUDA, static_cast<int8_t>(d.device_id));
}

Tensor imported(const DLTensor& t, std::shared_ptr<void> owner, bool read_only, const Location& loc) {
  if (t.ndim < 0 || t.ndim > static_cast<int32_t>(ir::kMaxRank))
    throw Error(ErrorKind::Shape, fmt::format("from_dlpack: a tensor has 0 to {} axes, not {}", ir::kMaxRank, t.ndim),
                {}, loc);
  const auto rank = static_cast<size_t>(t.ndim);
  if (rank > 0 && !t.shape) throw Error(ErrorKind::Value, "from_dlpack: the shape is a null pointer", {}, loc);
  const auto first = reinterpret_cast<uintptr_t>(t.data);
  if (t.byte_offset > UINTPTR_MAX - first)
    throw Error(ErrorKind::Value, fmt::format("from_dlpack: byte offset {} leads out of memory", t.byte_offset), {},
                loc);
  ExternalMemory m{.op = "from_dlpack",
                   .data = t.data ? static_cast<std::byte*>(t.data) + t.byte_offset : nullptr,
                   .sizes = {t.shape, rank},
                   .strides = {},
                   .dtype = imported_type(t.dtype, loc),
                   .device = imported_device(t.device, loc),
                   .owner = std::move(owner),
                   .read_only = read_only};
  if (t.strides && rank > 0) m.strides = IntArrayRef(t.strides, rank);
  Tensor result = tensor_over(std::move(m), loc);
  if (result.is_cuda()) cuda::synchronize(result.device(), loc);
  return result;
}

/// What an exported structure keeps alive. Its address is the structure's manager_ctx.
template <class Managed>
struct Exported {
  Tensor tensor;
  std::vector<int64_t> shape, strides;
  Managed managed{};
};

template <class Managed>
Managed* exported(const Tensor& x, void* data) {
  auto e = std::make_unique<Exported<Managed>>();
  e->tensor = x;
  e->shape = x.sizes().vec();
  e->strides = x.strides().vec();
  for (size_t d = 0; d < e->shape.size(); ++d)
    if (e->shape[d] < 2) e->strides[d] = 1;
  const TypeRow* type = kTypes;
  while (type->dtype != x.dtype()) ++type;
  DLTensor& t = e->managed.dl_tensor;
  t.data = x.numel() == 0 ? nullptr : data;
  t.device = {x.is_cuda() ? kDLCUDA : kDLCPU, x.device().index()};
  t.ndim = static_cast<int32_t>(e->shape.size());
  t.dtype = {type->code, type->bits, 1};
  t.shape = e->shape.data();
  t.strides = e->strides.data();
  t.byte_offset = 0;
  e->managed.manager_ctx = e.get();
  e->managed.deleter = [](Managed* self) { delete static_cast<Exported<Managed>*>(self->manager_ctx); };
  return &e.release()->managed;
}

}  // namespace

struct DLPack::State {
  DLManagedTensorVersioned* current = nullptr;  // one of the two
  DLManagedTensor* old = nullptr;
  std::atomic<bool> used{false};

  ~State() {
    if (used) return;
    if (current) delete_managed(current);
    if (old) delete_managed(old);
  }
  void use(const Location& loc) {
    if (used.exchange(true))
      throw Error(ErrorKind::Value, "this DLPack tensor was taken before: its memory has another owner",
                  "export the tensor again for every consumer", loc);
  }
};

namespace {

template <class State, class Managed>
std::shared_ptr<State> state_of(Managed* State::* member, Managed* managed, const Location& loc) {
  if (!managed) throw Error(ErrorKind::Value, "a null pointer is no DLPack tensor", {}, loc);
  try {
    auto state = std::make_shared<State>();
    (*state).*member = managed;
    return state;
  } catch (...) {
    delete_managed(managed);
    throw;
  }
}

}  // namespace

DLPack::DLPack(DLManagedTensorVersioned* managed, Location loc) : state_(state_of(&State::current, managed, loc)) {}
DLPack::DLPack(DLManagedTensor* managed, Location loc) : state_(state_of(&State::old, managed, loc)) {}

bool DLPack::versioned() const {
  return state_->current != nullptr;
}
bool DLPack::used() const {
  return state_->used;
}

DLManagedTensorVersioned* DLPack::take_versioned(Location loc) const {
  if (!versioned())
    throw Error(ErrorKind::Value, "this is a DLManagedTensor, not a DLManagedTensorVersioned",
                "take() gives it; to_dlpack(x, {.versioned = true}) makes the other", loc);
  state_->use(loc);
  return state_->current;
}

DLManagedTensor* DLPack::take(Location loc) const {
  if (versioned())
    throw Error(ErrorKind::Value, "this is a DLManagedTensorVersioned, not a DLManagedTensor",
                "take_versioned() gives it; to_dlpack(x, {.versioned = false}) makes the other", loc);
  state_->use(loc);
  return state_->old;
}

DLPack to_dlpack(const Tensor& x, DLPackExport options, Location loc) {
  const std::shared_ptr<Storage>& root = impl_of(x, loc)->root;
  refuse_observation(*root, "to_dlpack", loc);
  if (x.requires_grad())
    throw Error(ErrorKind::Value, "Can't export tensors that require gradient, use tensor.detach()", {}, loc);
  const bool read_only = root->read_only && !options.copy;
  if (read_only && !options.versioned)
    throw Error(ErrorKind::Value, "a DLManagedTensor cannot say that its memory is read-only",
                "export {.versioned = true}, or a copy", loc);
  const Tensor source = options.copy ? x.clone(loc) : x;
  const TensorImpl& impl = *source.impl();
  void* data = static_cast<std::byte*>(escape(impl.root)) + impl.offset * source.element_size();
  if (source.is_cuda()) cuda::synchronize(source.device(), loc);
  if (!options.versioned) return DLPack(exported<DLManagedTensor>(source, data), loc);
  auto* managed = exported<DLManagedTensorVersioned>(source, data);
  managed->version = {kMajor, kMinor};
  managed->flags = (read_only ? uint64_t{DLPACK_FLAG_BITMASK_READ_ONLY} : 0) |
                   (options.copy ? uint64_t{DLPACK_FLAG_BITMASK_IS_COPIED} : 0);
  return DLPack(managed, loc);
}

Tensor from_dlpack(const DLPack& packed, Location loc) {
  if (!packed.versioned()) {
    DLManagedTensor* managed = packed.take(loc);
    return imported(managed->dl_tensor, std::shared_ptr<void>(managed, [managed](void*) { delete_managed(managed); }),
                    false, loc);
  }
  DLManagedTensorVersioned* managed = packed.take_versioned(loc);
  std::shared_ptr<void> owner(managed, [managed](void*) { delete_managed(managed); });
  // Of another major version only what lies before the flags has a known place.
  if (managed->version.major != kMajor)
    throw Error(ErrorKind::Value,
                fmt::format("from_dlpack: the tensor is of DLPack {}.{}; {}.x is understood", managed->version.major,
                            managed->version.minor, kMajor),
                "ask its producer for max_version (1, 1)", loc);
  return imported(managed->dl_tensor, std::move(owner), (managed->flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0, loc);
}

}  // namespace lazuli

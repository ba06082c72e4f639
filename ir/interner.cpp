// The table of live nodes: shards of intrusive hash chains, one lock each.
//
// The table holds no reference. A node whose count has reached zero is dying: a lookup that meets it must not revive it
// (it takes a reference only from a count above zero) and makes a fresh node instead; the thread that dropped the last
// reference takes exactly that node out of its chain. So at most one live node per key exists.
#include <mutex>
#include <vector>

#include "ir/infer.h"

namespace lazuli::ir {
namespace {

constexpr size_t kShards = 64;
constexpr size_t kFirstBuckets = 64;

uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * 0x9e3779b97f4a7c15ull;
  return h ^ (h >> 29);
}

uint64_t mix(uint64_t h, const Dims& dims) {
  h = mix(h, dims.size());
  for (int64_t d : dims) h = mix(h, static_cast<uint64_t>(d));
  return h;
}

struct AttrHash {
  uint64_t h;
  uint64_t operator()(const NoAttr&) const { return h; }
  uint64_t operator()(const ConstantAttr& a) const { return mix(h, a.bits); }
  uint64_t operator()(const LeafAttr& a) const { return mix(h, a.id); }
  uint64_t operator()(const AxesAttr& a) const { return mix(h, a.axes); }
  uint64_t operator()(const SliceAttr& a) const { return mix(mix(h, a.start), a.step); }
  uint64_t operator()(const PadAttr& a) const { return mix(mix(h, a.low), a.high); }
  uint64_t operator()(const DotAttr& a) const {
    return mix(mix(mix(mix(h, a.dims->lhs_batch), a.dims->rhs_batch), a.dims->lhs_contract), a.dims->rhs_contract);
  }
  uint64_t operator()(const CompositeAttr& a) const { return mix(mix(h, a.axes), std::bit_cast<uint64_t>(a.number)); }
  uint64_t operator()(const WindowAttr& a) const {
    uint64_t all = h;
    const WindowDims& w = *a.dims;
    for (const Dims* d : {&w.size, &w.step, &w.dilation, &w.low, &w.high, &w.spread, &w.groups}) all = mix(all, *d);
    return all;
  }
  uint64_t operator()(const CustomAttr& a) const {
    return mix(mix(h, reinterpret_cast<uintptr_t>(a.rule.get())), static_cast<uint64_t>(a.result));
  }
};

bool is_differentiable(const NodeSpec& spec, DType dtype) {
  if (!is_floating(dtype)) return false;
  if (spec.op == Op::variable) return true;
  if (info(spec.op).gradient.kind == Gradient::Kind::Stop) return false;
  // The value of a custom result is no way for gradients.
  const size_t first = spec.op == Op::custom_result ? 1 : 0;
  for (size_t i = first; i < spec.inputs.size(); ++i)
    if (spec.inputs[i]->differentiable()) return true;
  return false;
}

uint64_t hash_of(const NodeSpec& spec, const Inferred& type) {
  uint64_t h = mix(static_cast<uint64_t>(spec.op) + 1, static_cast<uint64_t>(type.dtype) << 16 |
                                                           static_cast<uint64_t>(type.device.type()) << 8 |
                                                           static_cast<uint8_t>(type.device.index()));
  h = mix(h, type.shape);
  h = std::visit(AttrHash{mix(h, spec.attr.index())}, spec.attr);
  for (const Node* input : spec.inputs) h = mix(h, input->hash());
  return h;
}

/// The bits of a NaN mean nothing: one constant stands for all of a type.
void merge_nans(NodeSpec& spec) {
  uint64_t& bits = std::get<ConstantAttr>(spec.attr).bits;
  switch (spec.dtype) {
    case kFloat16:
      if ((bits & 0x7fff) > 0x7c00) bits = 0x7e00;
      break;
    case kBFloat16:
      if ((bits & 0x7fff) > 0x7f80) bits = 0x7fc0;
      break;
    case kFloat32:
      if ((bits & 0x7fffffff) > 0x7f800000) bits = 0x7fc00000;
      break;
    case kFloat64:
      if ((bits & 0x7fffffffffffffff) > 0x7ff0000000000000) bits = 0x7ff8000000000000;
      break;
    default:
      break;
  }
}

size_t shard_index(uint64_t hash) {
  return hash >> 58;
}
static_assert(kShards == 1u << (64 - 58));

}  // namespace

struct Interner::Shard {
  std::mutex mutex;
  std::vector<Node*> buckets;
  size_t count = 0;

  Node*& bucket(uint64_t hash) { return buckets[hash & (buckets.size() - 1)]; }

  void grow() {
    std::vector<Node*> old(std::max(kFirstBuckets, buckets.size() * 2), nullptr);
    old.swap(buckets);
    for (Node* n : old) {
      while (n) {
        Node* next = n->chain_;
        n->chain_ = bucket(n->hash_);
        bucket(n->hash_) = n;
        n = next;
      }
    }
  }
};

Interner::Interner() : shards_(new Shard[kShards]) {}
Interner::~Interner() = default;

NodeRef Interner::make(NodeSpec spec) {
  Inferred type = infer(spec);
  if (spec.op == Op::constant) merge_nans(spec);
  const uint64_t hash = hash_of(spec, type);
  const auto matches = [&](const Node* n) {
    return n->hash_ == hash && n->op_ == spec.op && n->dtype_ == type.dtype && n->device_ == type.device &&
           n->shape_ == type.shape && n->inputs_ == spec.inputs && n->attr_ == spec.attr;
  };

  Shard& shard = shards_[shard_index(hash)];
  std::lock_guard lock(shard.mutex);
  if (!shard.buckets.empty()) {
    for (Node* n = shard.bucket(hash); n; n = n->chain_) {
      if (!matches(n)) continue;
      uint32_t refs = n->refs_.load(std::memory_order_relaxed);
      while (refs != 0 && !n->refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_acquire)) {
      }
      if (refs != 0) return NodeRef::adopt(n);
    }
  }
  if (shard.count * 2 >= shard.buckets.size()) shard.grow();
  const bool differentiable = is_differentiable(spec, type.dtype);
  Node* n = new Node();
  n->op_ = spec.op;
  n->dtype_ = type.dtype;
  n->device_ = type.device;
  n->numel_ = numel(type.shape);
  n->shape_ = std::move(type.shape);
  n->inputs_ = std::move(spec.inputs);
  n->attr_ = std::move(spec.attr);
  n->hash_ = hash;
  n->differentiable_ = differentiable;
  n->serial_ = serials_.fetch_add(1, std::memory_order_relaxed);
  n->origin_ = spec.origin;
  n->called_ = spec.called;
  n->payload_ = std::move(spec.payload);
  n->owner_ = this;
  for (const Node* input : n->inputs_) input->refs_.fetch_add(1, std::memory_order_relaxed);
  n->chain_ = shard.bucket(hash);
  shard.bucket(hash) = n;
  ++shard.count;
  live_.fetch_add(1, std::memory_order_relaxed);
  return NodeRef::adopt(n);
}

void Interner::unlink(Node* n) {
  Shard& shard = shards_[shard_index(n->hash_)];
  std::lock_guard lock(shard.mutex);
  Node** link = &shard.bucket(n->hash_);
  while (*link != n) link = &(*link)->chain_;
  *link = n->chain_;
  --shard.count;
}

void Interner::release(const Node* dropped) {
  Node* dying = nullptr;  // linked through chain_, which an unlinked node no longer needs
  const auto drop = [&dying](const Node* c) {
    if (c->refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    Node* n = const_cast<Node*>(c);  // nodes are const to their users only
    n->owner_->unlink(n);
    n->chain_ = dying;
    dying = n;
  };
  drop(dropped);
  while (dying) {
    Node* n = dying;
    dying = n->chain_;
    for (const Node* input : n->inputs_) drop(input);
    n->owner_->live_.fetch_sub(1, std::memory_order_relaxed);
    delete n;
  }
}

}  // namespace lazuli::ir

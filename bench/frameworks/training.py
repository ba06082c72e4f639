"""Training steps, spelled alike in every framework, given its functions.

Operands are the parameters, what the optimiser keeps of them, and the batch, in the order of bench/cases/train.cpp.
"""

DEPTH = 64  # of a head


class Parts:
    """The operands of a step taken apart: parameters, means, squares and the steps taken, batch."""

    def __init__(self, operands, adam=True):
        n = (len(operands) - 3) // 3 if adam else (len(operands) - 2) // 2
        self.params, self.means = operands[:n], operands[n : 2 * n]
        self.squares, self.steps = (operands[2 * n : 3 * n], operands[3 * n]) if adam else ((), None)
        self.batch = operands[-2:]


def block(f, p, x):
    norm1_w, norm1_b, qkv_w, qkv_b, join_w, join_b, norm2_w, norm2_b, up_w, up_b, down_w, down_b = p
    batch, places, width = x.shape
    y = f.layer_norm(x, norm1_w, norm1_b) @ qkv_w + qkv_b
    y = f.attention(y.reshape(batch, places, 3, width // DEPTH, DEPTH)).reshape(batch, places, width)
    x = x + (y @ join_w + join_b)
    return x + (f.gelu(f.layer_norm(x, norm2_w, norm2_b) @ up_w + up_b) @ down_w + down_b)


def mlp_loss(f, p, x, target):
    w1, b1, w2, b2, w3, b3 = p
    return f.cross_entropy(f.relu(f.relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3, target)


def block_loss(f, p, x, y):
    return ((block(f, p, x) - y) ** 2).mean()


def transformer_loss(f, p, index, target):
    x = p[0][index] + p[1]
    for at in range(2, len(p) - 4, 12):
        x = block(f, p[at : at + 12], x)
    x = f.layer_norm(x, p[-4], p[-3]) @ p[-2] + p[-1]
    return f.cross_entropy(x.reshape(-1, x.shape[-1]), target.reshape(-1))


def convnet_loss(f, p, x, target):
    for l in range(4):
        x = f.relu(f.conv(x, p[2 * l], p[2 * l + 1]))
        if l % 2:
            x = f.pool(x)
    return f.cross_entropy(x.reshape(x.shape[0], -1) @ p[8] + p[9], target)


LOSSES = {
    "e2e/mlp_step": mlp_loss,
    "e2e/transformer_block_step": block_loss,
    "e2e/transformer_12_layers_step": transformer_loss,
    "e2e/convnet_step": convnet_loss,
}


class TorchFunctions:
    def __init__(self, torch):
        f = torch.nn.functional
        self.torch, self.relu, self.gelu, self.cross_entropy = torch, f.relu, f.gelu, f.cross_entropy
        self.layer_norm = lambda x, w, b: f.layer_norm(x, (x.shape[-1],), w, b)
        self.conv = lambda x, w, b: f.conv2d(x, w, b, padding=1)
        self.pool = lambda x: f.max_pool2d(x, 2)

    def attention(self, qkv):
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return self.torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def torch_step(torch, name, compiled):
    """Gradients by autograd, the update by PyTorch's fused kernels: all in place. torch.compile compiles the network."""
    if name not in LOSSES:
        return None
    functions, loss_of = TorchFunctions(torch), LOSSES[name]

    def network(params, batch):
        return loss_of(functions, params, *batch)

    if compiled:
        torch._dynamo.reset()
        network = torch.compile(network, dynamic=False)

    def step(*operands):
        adam = name != "e2e/convnet_step"
        parts = Parts(operands, adam)
        for p in parts.params:
            p.requires_grad_(True)
        loss = network(parts.params, parts.batch)
        # Laid out as the parameters, as backward() leaves them: the fused kernels go through memory.
        gradients = [g.contiguous() for g in torch.autograd.grad(loss, parts.params)]
        params, means = [p.detach() for p in parts.params], list(parts.means)
        with torch.no_grad():
            if adam:
                parts.steps.add_(1)
                steps = [parts.steps.to(torch.float32)] * len(params)
                torch._fused_adamw_(
                    params, gradients, means, list(parts.squares), [], steps,
                    lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=0.01, eps=1e-8, amsgrad=False, maximize=False,
                )  # fmt: skip
            else:
                torch._fused_sgd_(
                    params, gradients, means,
                    weight_decay=0.0, momentum=0.9, lr=1e-3, dampening=0.0, nesterov=False, maximize=False, is_first_step=False,
                )  # fmt: skip
        state = params + means + list(parts.squares) + ([parts.steps] if adam else [])
        return state + [loss.detach()]

    return step


class JaxFunctions:
    def __init__(self, jax):
        nn, jnp, lax = jax.nn, jax.numpy, jax.lax
        self.relu = nn.relu
        self.gelu = lambda x: nn.gelu(x, approximate=False)

        def layer_norm(x, w, b):
            d = x - x.mean(-1, keepdims=True)
            return d * lax.rsqrt((d * d).mean(-1, keepdims=True) + 1e-5) * w + b

        def cross_entropy(x, target):
            return -jnp.take_along_axis(nn.log_softmax(x, -1), target[:, None], 1).mean()

        self.layer_norm, self.cross_entropy = layer_norm, cross_entropy
        self.attention = lambda y: nn.dot_product_attention(y[:, :, 0], y[:, :, 1], y[:, :, 2], is_causal=True)
        self.conv = lambda x, w, b: lax.conv(x, w, (1, 1), "SAME") + b[:, None, None]
        self.pool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def jax_step(jax, name):
    """One compiled function that is given the memory of the state. What it returns is the state of the next call."""
    if name not in LOSSES:
        return None
    jnp, functions, loss_of = jax.numpy, JaxFunctions(jax), LOSSES[name]

    def update(state, batch):
        adam = name != "e2e/convnet_step"
        parts = Parts((*state, *batch), adam)
        loss, gradients = jax.value_and_grad(lambda p: loss_of(functions, p, *batch))(parts.params)
        if not adam:
            means = [0.9 * m + g for m, g in zip(parts.means, gradients)]
            return [p - 1e-3 * m for p, m in zip(parts.params, means)] + means, loss
        steps = parts.steps + 1
        means = [0.9 * m + 0.1 * g for m, g in zip(parts.means, gradients)]
        squares = [0.999 * v + 0.001 * g * g for v, g in zip(parts.squares, gradients)]
        c1 = 1e-3 / (1 - jnp.float32(0.9) ** steps.astype(jnp.float32))
        c2 = 1 / (1 - jnp.float32(0.999) ** steps.astype(jnp.float32))
        params = [
            p * (1 - 1e-3 * 0.01) - c1 * m / (jnp.sqrt(v * c2) + 1e-8) for p, m, v in zip(parts.params, means, squares)
        ]
        return params + means + squares + [steps], loss

    compiled = jax.jit(update, donate_argnums=0)
    states = {}  # by the first operand, which is kept so that no other takes its place

    def step(*operands):
        first, state = states.get(id(operands[0]), (operands[0], operands[:-2]))
        state, loss = jax.block_until_ready(compiled(list(state), operands[-2:]))
        states[id(operands[0])] = first, state
        return [*state, loss]

    return step

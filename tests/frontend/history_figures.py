"""The programs of litmus_history_programs.cpp in PyTorch (1.13): prints history_figures.inc.

    python3 tests/frontend/history_figures.py > tests/frontend/history_figures.inc
"""
import torch
from torch.utils.checkpoint import checkpoint

torch.set_default_dtype(torch.float64)


def counting(*sizes):
    return torch.arange(torch.Size(sizes).numel(), dtype=torch.float64).reshape(sizes)


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


class Net:
    def __init__(self):
        self.x = counting(6, 3) * 0.1 - 0.4
        self.y = torch.sin(counting(6, 2))
        self.w1 = torch.sin(counting(3, 4)).requires_grad_()
        self.b1 = (counting(4) * 0.1).requires_grad_()
        self.w2 = torch.cos(counting(4, 2)).requires_grad_()

    def parameters(self):
        return [self.w1, self.b1, self.w2]

    def grads(self):
        return [p.grad for p in self.parameters()]

    def zero_grad(self):
        for p in self.parameters():
            p.grad = None

    def forward(self, x):
        return torch.tanh(x @ self.w1 + self.b1) @ self.w2

    def loss(self, x, y):
        return (self.forward(x) - y).pow(2).mean()


def write_after_read():
    w, b = leaf(0.5, -1, 2), torch.tensor([1.0, 2, 3])
    y = b + w
    b *= 2
    z = b * y
    (z * y).sum().backward()
    b += 1
    return [w.grad, b, z]


def leaf_written_between_uses():
    w = leaf(0.5, -1, 2)
    first = w + 1
    with torch.no_grad():
        w *= 3
    second = w * 2
    (first * first * second).sum().backward()
    return [w.grad, w, second]


def detached_view_written():
    w = leaf(0.5, -1, 2, 3)
    y = w * 3
    y.detach().view(2, 2)[1].fill_(7)
    (y * y).sum().backward()
    return [w.grad, y]


def detached_is_constant():
    w = leaf(0.5, -1, 2, 3)
    h = torch.sin(w)
    d = h.detach()
    (h * d + d[1:3].exp().sum() * w).sum().backward()
    return [w.grad, d]


def momentum_steps():
    n = Net()
    velocity = [torch.zeros_like(p) for p in n.parameters()]
    losses = []
    for _ in range(3):
        loss = n.loss(n.x, n.y)
        n.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, v in zip(n.parameters(), velocity):
                v.mul_(0.9).add_(p.grad)
                p -= 0.1 * v
        losses.append(loss.detach())
    return n.parameters() + losses


def retained_twice():
    n = Net()
    loss = n.loss(n.x, n.y)
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    loss.backward()
    return n.grads()


def micro_batches():
    n = Net()
    results = []
    for _ in range(2):
        for i in range(3):
            (n.loss(n.x[2 * i:2 * i + 2], n.y[2 * i:2 * i + 2]) / 3).backward()
        results += [g.clone() for g in n.grads()]
        with torch.no_grad():
            for p in n.parameters():
                p -= 0.2 * p.grad
                p.grad.zero_()
    return results + n.parameters()


def validation_between_steps():
    n = Net()
    results = []
    for _ in range(2):
        loss = n.loss(n.x, n.y)
        with torch.no_grad():
            results.append(n.loss(n.x * 2, n.y))
        n.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in n.parameters():
                p -= 0.1 * p.grad
            results.append(n.loss(n.x * 2, n.y))
    return results + n.parameters()


def item_in_the_forward_pass():
    w = leaf(0.5, -1, 2)
    h = w * w
    steps = 0
    while h.sum().item() < 100:
        h = h * h + w / h.max().item()
        steps += 1
    h.sum().backward()
    return [w.grad, h, torch.tensor(float(steps))]


def written_in_place_on_the_way():
    w = leaf(0.5, -1, 2)
    y = w * 2
    y += 1
    y[0] = w[1] * w[2]
    y *= w
    y[1:] -= torch.sin(w[:2])
    (y + 1).pow(3).sum().backward()
    return [w.grad, y]


def gradient_penalty():
    n = Net()
    x = n.x.clone().requires_grad_()
    out = n.forward(x).sum()
    (g,) = torch.autograd.grad(out, x, create_graph=True)
    (out + (g.norm() - 1).pow(2)).backward()
    return n.grads() + [x.grad, g]


def hessian_times_vector():
    w, v = leaf(0.5, -1, 2), torch.tensor([1.0, 2, 3])
    y = (w.exp() * torch.sin(w)).sum() * w[0]
    (g,) = torch.autograd.grad(y, w, create_graph=True)
    (hv,) = torch.autograd.grad(g, w, grad_outputs=v, create_graph=True)
    (third,) = torch.autograd.grad(hv.sum(), w)
    return [g, hv, third]


def checkpointed():
    n = Net()
    square = (torch.cos(counting(2, 2))).requires_grad_()
    h = checkpoint(n.forward, n.x.clone().requires_grad_(), use_reentrant=False)
    h = checkpoint(lambda t: torch.sigmoid(t @ square) * t, h, use_reentrant=False)
    (h - n.y).pow(2).mean().backward()
    return n.grads() + [square.grad, h]


def intermediates_that_retain():
    n = Net()
    h = torch.tanh(n.x @ n.w1 + n.b1)
    h.retain_grad()
    out = h @ n.w2
    out.retain_grad()
    (out - n.y).pow(2).mean().backward()
    return n.grads() + [h.grad, out.grad]


def frozen_and_thawed():
    n = Net()
    n.loss(n.x, n.y).backward()
    n.w1.requires_grad_(False)
    n.loss(n.x, n.y).backward()
    n.w1.requires_grad_(True)
    n.b1.requires_grad_(False)
    n.loss(n.x, n.y).backward()
    return n.grads()


def recurrent():
    w, u = (torch.sin(counting(3, 3)) * 0.5).requires_grad_(), torch.cos(counting(2, 3)).requires_grad_()
    x = counting(5, 4, 2) * 0.05 - 1
    h, loss = torch.zeros(4, 3), torch.zeros(())
    for t in range(5):
        h = torch.tanh(h @ w + x[t] @ u)
        loss = loss + h.pow(2).mean()
    loss.backward()
    return [w.grad, u.grad, h]


def recurrent_truncated():
    w, u = (torch.sin(counting(3, 3)) * 0.5).requires_grad_(), torch.cos(counting(2, 3)).requires_grad_()
    x = counting(5, 4, 2) * 0.05 - 1
    h = torch.zeros(4, 3)
    for t in range(5):
        h = torch.tanh(h.detach() @ w + x[t] @ u)
        h.pow(2).mean().backward()
    return [w.grad, u.grad, h]


def tied_weights():
    w = torch.sin(counting(3, 4)).requires_grad_()
    x = counting(6, 3) * 0.1 - 0.4
    code = torch.relu(x @ w)
    (code @ w.t() - x).abs().mean().backward()
    return [w.grad, code]


def running_statistics():
    n = Net()
    mean, var = torch.zeros(4), torch.ones(4)
    for i in range(2):
        h = n.x[i:i + 4] @ n.w1
        with torch.no_grad():
            mean.mul_(0.9).add_(h.mean(0) * 0.1)
            var.mul_(0.9).add_(h.var(0) * 0.1)
        (torch.tanh((h - mean.clone()) / (var + 1e-5).sqrt()) @ n.w2).pow(2).mean().backward()
    return [n.w1.grad, n.w2.grad, mean, var]


def two_losses_of_one_trunk():
    n = Net()
    h = torch.tanh(n.x @ n.w1 + n.b1)
    h.pow(2).mean().backward(retain_graph=True)
    first = [g.clone() for g in (n.w1.grad, n.b1.grad)]
    (h @ n.w2).sin().mean().backward()
    return first + n.grads()


def target_network():
    n, target = Net(), [p.detach().clone() for p in Net().parameters()]
    results = []
    for _ in range(2):
        goal = torch.tanh(n.x @ target[0] + target[1]) @ target[2] * 0.9 + n.y
        loss = n.loss(n.x, goal)
        n.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, t in zip(n.parameters(), target):
                p -= 0.1 * p.grad
                t.mul_(0.8).add_(0.2 * p)
        results.append(loss.detach())
    return results + n.parameters() + target


def clipped():
    n = Net()
    results = []
    for _ in range(2):
        n.zero_grad()
        (n.loss(n.x, n.y) * 10).backward()
        with torch.no_grad():
            norm = sum(g.pow(2).sum() for g in n.grads()).sqrt()
            for p in n.parameters():
                p.grad *= 0.5 / norm
                p -= p.grad
        results.append(norm)
    return results + n.parameters()


def rows_looked_up():
    table = torch.sin(counting(5, 3)).requires_grad_()
    ids = torch.tensor([1, 3, 1, 0])
    results = []
    for _ in range(2):
        rows = table[ids]
        (rows * rows[:1]).sum().backward()
        with torch.no_grad():
            table.index_add_(0, ids, table.grad[ids] * -0.1)
        results.append(table.grad.clone())
        table.grad = None
    return results + [table]


def figures(tensors):
    return ", ".join(repr(float(v)) for t in tensors for v in t.detach().reshape(-1))


if __name__ == "__main__":
    print("// Printed by history_figures.py: {name, program, what PyTorch gives}.")
    helpers = (counting, leaf, figures, Net)
    for name, program in list(globals().items()):
        if getattr(program, "__module__", "") == "__main__" and program not in helpers:
            print('{"%s", %s, {%s}},' % (name, name, figures(program())))

"""Programs that are spelled alike in every framework, given its functions; numbers of Python do not widen float32."""


def nbody(sqrt, stack):
    def step(p, v, m):
        dx, dy, dz = (p[None, :, k] - p[:, k, None] for k in range(3))
        r = 1 / sqrt(dx * dx + dy * dy + dz * dz + 0.01)
        w = m * (r * r * r)
        velocity = v + 0.01 * stack([(w * d).sum(1) for d in (dx, dy, dz)], 1)
        return p + 0.01 * velocity, velocity

    return step


def adam(sqrt):
    def step(*tensors):
        results = []
        for p, g, m, v in zip(*[iter(tensors)] * 4):
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * (g * g)
            root = sqrt(v * (1 / (1 - 0.999**10))) + 1e-8
            results += [p - (1e-3 / (1 - 0.9**10)) * (m / root), m, v]
        return results

    return step


def products(job, dequantised, int32):
    """Products of matrices that differ in types, sizes and transpositions."""

    def plain(a, b):
        return a @ b

    table = {"contract/" + name: plain for name in ("dgemm", "bgemm", "batched", "skinny", "tall_k")}
    table["contract/igemm"] = lambda a, b: int32(a, b)
    table["contract/gemv"] = plain if job.size == "nn" else lambda a, b: a @ b.T
    table["contract/tn"] = lambda a, b: a.T @ b
    table["contract/nt"] = lambda a, b: a @ b.T
    table["contract/tt"] = lambda a, b: a.T @ b.T
    table["contract/dequant_int4"] = lambda x, w, s: x @ dequantised(w, s).T
    return table


def cooled(u):
    """The inner points of a plate a step later."""
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    return u[1:-1, 1:-1] + 0.2 * (around - 4 * u[1:-1, 1:-1])


def chain(operations):
    def run(x, w, b):
        for _ in range(operations // 2):
            x = (x + w) * b
        return x

    return run

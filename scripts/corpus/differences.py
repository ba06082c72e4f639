"""Where Lazuli differs from PyTorch on purpose: cases that are left out, each with the row of docs/differences.md that
says why. What single values are left out stands where the values do."""

import re

# Elementwise functions that convert integers to the default float where PyTorch's kernels refuse them.
TAKES_INTEGERS = {"gelu", "silu", "softplus", "hypot", "lerp", "logaddexp", "addcdiv"}
FOUND_WHILE_COMPUTING = [
    r"^ZeroDivisionError$",
    r"^index -?\d+ is out of bounds for dimension \d+ with size \d+$",
    r"^index out of range in self$",
    r"^Target \d+ is out of bounds\.$",
    r"^Number of elements of source < number of ones in mask$",
]
NAMES_OF_DTYPES = [
    r"^expected m1 and m2 to have the same dtype",
    r"^expected scalar type \w+ but found \w+$",
    r"torch\.\w+Tensor",
    r"^masked_fill_ only supports boolean masks",
    r"^Expected out tensor to have dtype ",
    r"^(output (values must be of same type|indices must be of scalar type)|expected scalar[ _]type '?\w+'? (but got|but found|for) )",
    r"^Expected tensor for (argument #\d )?'(values|indices)' to have ",
    r"^(index_select|masked_select|take)\(\): self and (result|out) ",
    r"^torch\.cat\(\): input types can't be cast",
    r"^quantile\(\) out tensor must be same dtype",
]
VERSIONS = [
    r"^repeats must have the same size as input along dim, but got",
    r"^reduce argument must be either sum, prod, mean, amax or amin, got",
    r"^masked_select: expected BoolTensor for mask$",
    r"^index_fill_\(\): Expected dtype int64 for index\.$",
]
PYTHONS_OWN = [r"^slice step cannot be zero$", r"^too many indices for tensor of dimension 0$"]
INTERNAL_NAMES = [
    r"^permute\(sparse_coo\)",
    r"^narrow\(\): length must be non-negative\.$",
    r"^unflatten got an unexpected error:$",
    r"^numel: integer multiplication overflow$",
    r"^index_add_\(\): Number of indices",
    r"^cummax\(\): Expected reduction dim",
    r"^Trying to create tensor with negative dimension -2: \[-2, 3\]$",
    r"^expected rotation dims to be different, but got dim0 = 0 and dim1 = 2$",
    '_impl_cpu" not implemented',
]


def matches(patterns, text):
    return any(re.search(p, text) for p in patterns)


def refused_otherwise(op, inputs, args, error):
    """The row for a call that PyTorch refuses with this error, if it is not recorded."""
    base = op.rstrip("_").split(".")[0]
    if "not implemented for" in error and base in TAKES_INTEGERS or error.startswith("Integer division with addcdiv"):
        return "more element types"
    if base == "clamp" and "not implemented for 'Bool'" in error:
        return "more element types"
    if base == "square" and inputs[0].dtype == "bool":
        return "bool"
    if op == "index" and matches(FOUND_WHILE_COMPUTING, error):
        # Integers are checked when the view is made, index tensors when they are read.
        return "errors found while computing" if len(inputs) > 1 else None
    if op != "select" and matches(FOUND_WHILE_COMPUTING, error):
        return "errors found while computing"
    if matches(NAMES_OF_DTYPES, error):
        return "names of dtypes in errors"
    if matches(VERSIONS, error):
        return "wordings of versions"
    if matches(PYTHONS_OWN, error):
        return "errors of Python's own"
    # expand itself keeps PyTorch's words.
    if op != "expand" and matches(INTERNAL_NAMES, error) or op == "expand" and matches(INTERNAL_NAMES[3:4], error):
        return "errors that name internals"
    return None


def taken_otherwise(op, inputs, args):
    """The row for a call that PyTorch takes, if it is not recorded."""
    if (op in ("square", "square_") or op == "pow" and list(args) == [True]) and inputs[0].dtype == "bool":
        return "bool"
    if op == "fill_" and any(s.startswith("expand") for s in inputs[0].steps):
        return "writes to expanded views"
    if (
        op == "add"
        and len(args) == 1
        and isinstance(args[0], int)
        and not isinstance(args[0], bool)
        and inputs[0].dtype in RANGES
    ):
        low, high = RANGES[inputs[0].dtype]
        if not low <= args[0] <= high:
            return "numbers that do not fit"
    return None


RANGES = {"uint8": (-256, 255), "int8": (-128, 127), "int16": (-(2**15), 2**15 - 1), "int32": (-(2**31), 2**31 - 1)}

#!/usr/bin/env python3
"""Writes docs/api.md: every public function, from the public headers, the generated ones and docs/api.rules.

Usage: make-api-page.py [--check] [folder of the generated headers, default build/dev/generated]

Signatures, documentation and the forms (method, in place, out) are read from the headers. What headers do not say, the
types of results, whether gradients pass and whether a result may share memory with an argument, stands in docs/api.rules;
of elementwise functions it is known from their rows (ops.md of lazuli-opgen). A function without a rule, a rule without a
function and a function without documentation are errors. --check: fails if docs/api.md is not up to date.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "frontend/include/lazuli")
# Headers in the order of the page, with what is to be read in their title.
TITLES = {
    "tensor.h": "Memory of the user",
    "creation.h": "Creation",
    "random.h": "Random numbers",
    "shape.h": "Shapes and views",
    "join.h": "Joining and splitting",
    "reduce.h": "Reductions",
    "scan.h": "Scans",
    "order.h": "Order",
    "take.h": "Reading and writing at indices",
    "matmul.h": "Products",
    "linalg.h": "Linear algebra (`linalg::`)",
    "nn.h": "Elementwise functions with further arguments, comparing",
    "conv.h": "Convolution and pooling",
    "attention.h": "Attention",
    "activations.h": "Activations",
    "special.h": "Special functions (`special::`)",
    "statistics.h": "Statistics",
    "loss.h": "Losses",
    "optim.h": "Optimisers (`optim::`)",
    "autograd.h": "Gradients of tensors",
    "custom_gradient.h": "Own gradients",
    "transforms.h": "Function transforms",
    "compile.h": "Compiled functions",
    "dlpack.h": "Exchange",
    "eval.h": "Evaluating and looking",
    "tune.h": "Tuning",
    "print.h": "Printing",
    "cuda.h": "CUDA (`cuda::`)",
    "generator.h": "Generators",
    "grad_mode.h": "Recording of history",
    "options.h": "Options",
    "tree.h": "Trees",
}
RETURN = r"(?:template <[^\n]*>\n(?:  requires[^\n]*\n)?)?(?:inline |static |constexpr )*[A-Za-z_][\w:]*(?:<[^;{}()]*>)?[&*]?"
DECLARATION = re.compile(rf"^(?P<indent> *)(?P<result>{RETURN}) (?P<name>[a-z_]\w*)\((?P<rest>)", re.M)


def without_details(text):
    """The text without namespaces `detail`, and without bodies of functions."""
    text = re.sub(r"^namespace (?:\w+::)?detail \{.*?^\}  // namespace (?:\w+::)?detail$", "", text, flags=re.M | re.S)
    return re.sub(r"^/// For the library itself\.\n", "", text, flags=re.M)


def balanced(text, start):
    depth = 0
    for i in range(start, len(text)):
        if text[i] in "([{<":
            depth += 1
        elif text[i] in ")]}>" and not (text[i] == ">" and text[i - 1] in "-="):
            depth -= 1
            if depth == 0:
                return i
    raise ValueError(text[start : start + 80])


def split_arguments(text):
    parts, depth, at = [], 0, 0
    for i, c in enumerate(text):
        if c in "([{<":
            depth += 1
        elif c in ")]}>":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[at:i])
            at = i + 1
    parts.append(text[at:])
    return [" ".join(p.split()) for p in parts if p.strip()]


def short(argument):
    """`const Tensor& x` as x, `bool keepdim = false` as keepdim = false, functions and packs as they are called."""
    if argument.startswith("Location "):
        return None
    value = ""
    if " = " in argument:
        argument, value = argument.split(" = ", 1)
        value = f" = {value}"
    name = re.search(r"(\.\.\.)?\s*(\w+)$", argument)
    return (name.group(2) + ("..." if "..." in argument else "") if name else argument) + value


def declarations(path):
    """[(name, call, documentation)] of a header, without private parts."""
    with open(path, encoding="utf-8") as file:
        text = without_details(file.read())
    found, doc = [], ""
    class_depth = re.compile(r"^(?:class|struct) \w+[^;]*?\{.*?^\};", re.M | re.S)
    text = class_depth.sub("", text)
    for m in DECLARATION.finditer(text):
        if m.group("indent") or m.group("result").split()[-1] in ("return", "using", "namespace", "else", "throw"):
            continue
        open_at = m.end() - 1
        close = balanced(text, open_at)
        lines = text[: m.start()].rstrip("\n").split("\n")
        own = []
        while lines and lines[-1].startswith("///"):
            own.insert(0, lines.pop()[3:].strip())
        if own and any(line.startswith("Tensor ") for line in own):
            own = [line for line in own if not line.startswith("Tensor ")]
        doc = " ".join(own) if own else doc if found and not text[: m.start()].endswith("\n\n") else ""
        arguments = [a for a in map(short, split_arguments(text[open_at + 1 : close])) if a]
        found.append((m.group("name"), f"{m.group('name')}({', '.join(arguments)})", doc))
    return found


def method_documentation():
    """{name: documentation} of the methods in tensor.h: functions of the same name need none of their own."""
    with open(os.path.join(INCLUDE, "tensor.h"), encoding="utf-8") as file:
        text = file.read()
    docs = {}
    for m in re.finditer(r"((?:^  ///[^\n]*\n)+)  [\w:<>]+[&*]? (\w+)\(", text, re.M):
        docs.setdefault(m.group(2), " ".join(line.strip()[3:].strip() for line in m.group(1).strip().split("\n")))
    return docs


def read_rules():
    """{header: {name: (types, gradient, memory)}}"""
    rules, header = {}, None
    with open(os.path.join(ROOT, "docs/api.rules"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("["):
                header = rules.setdefault(line.strip("[]"), {})
                continue
            rule, names = line.rsplit(":", 1)
            parts = tuple(p.strip() for p in rule.split("|"))
            if len(parts) != 3:
                sys.exit(f"docs/api.rules:{number}: TYPES | GRADIENT | MEMORY : NAMES")
            for name in names.split():
                if name in header:
                    sys.exit(f"docs/api.rules:{number}: {name} stands twice")
                header[name] = parts
    return rules


def methods_of(files):
    names = set()
    for path in files:
        with open(path, encoding="utf-8") as file:
            text = file.read()
            text = text[text.find("\nclass Tensor {") :].split("\n};")[0] if path.endswith(".h") else text
            names.update(re.findall(r"\b(\w+)\([^;{}]*\)(?: const)?(?:;| \{)", text))
    return names


def cell(text):
    return text.replace("|", "\\|")


def page(generated):
    lazuli = os.path.join(generated, "include/lazuli/generated")
    includes = sorted(glob.glob(os.path.join(lazuli, "*.inc"))) + sorted(glob.glob(os.path.join(INCLUDE, "*.inc")))
    methods = methods_of(includes + [os.path.join(INCLUDE, "tensor.h")])
    outs = set()
    for path in glob.glob(os.path.join(lazuli, "*.h")) + glob.glob(os.path.join(INCLUDE, "*.h")):
        with open(path, encoding="utf-8") as file:
            outs.update(re.findall(r"\b(\w+_out)\(", file.read()))
    rules, wrong, of_methods = read_rules(), [], method_documentation()
    lines = [
        "# Functions",
        "",
        "Written by `scripts/make-api-page.py` from the public headers, the tables of operations and `docs/api.rules`;",
        "do not edit. Every function takes the caller's place in the source as a last argument, left out here. Errors are",
        "one type, `lazuli::Error`, thrown by the call; those that depend on values (indices out of bounds, integer",
        "division by zero) when the value is computed.",
        "",
        "*types*: element types and those of the result. *gradient*: whether gradients pass; 0: they are zero. *memory*:",
        "`new`, or `view` where the result shares memory with its argument (`may view`: where strides can express it).",
        "*forms*: `method` is `x.f(...)`, `f_` works in place, `f_out(out, ...)` writes into a tensor.",
        "",
    ]
    for header, title in TITLES.items():
        path = os.path.join(INCLUDE, header)
        if not os.path.exists(path):
            continue
        lines += [f"## {title}", "", f"`lazuli/{header}`", ""]
        lines += ["| call | types | gradient | memory | forms | meaning |", "|---|---|---|---|---|---|"]
        calls, docs = {}, {}
        for name, call, doc in declarations(path):
            if name.endswith("_out") and name[:-4] in {n for n, _, _ in declarations(path)}:
                continue
            if call not in calls.setdefault(name, []):
                calls[name].append(call)
            if doc and doc not in docs.setdefault(name, []):
                docs[name].append(doc)
        own = rules.get(header, {})
        for name in own:
            if name not in calls and "skip" not in own[name]:
                wrong.append(f"docs/api.rules: [{header}] {name} is no function of the header")
        for name, spellings in calls.items():
            rule = own.get(name)
            if rule and rule[0] == "skip":
                continue
            if not rule:
                wrong.append(f"{header}: {name} has no rule in docs/api.rules")
                continue
            if not docs.get(name) and name in of_methods:
                docs[name] = [of_methods[name]]
            if not docs.get(name):
                wrong.append(f"{header}: {name} has no documentation")
                continue
            forms = ["method"] * (name in methods) + [f"{name}_"] * (f"{name}_" in methods)
            forms += [f"{name}_out"] * (f"{name}_out" in outs)
            text = " ".join(docs[name])
            shown = "<br>".join(f"`{c}`" for c in spellings)
            lines.append("| " + " | ".join(cell(c) for c in (shown, *rule, ", ".join(forms), text)) + " |")
        lines.append("")
    for header in glob.glob(os.path.join(INCLUDE, "*.h")):
        base = os.path.basename(header)
        if base not in TITLES and declarations(header) and base not in rules.get("without", {}):
            wrong.append(f"{base} has public functions and no title in scripts/make-api-page.py")
    with open(os.path.join(generated, "ops.md"), encoding="utf-8") as file:
        rows = [line.rstrip("\n") for line in file if line.startswith("|")]
    lines += [
        "## Elementwise functions",
        "",
        "`lazuli/generated/ops.h`, written from `ir/ops/elementwise.def`. Operands broadcast; every argument but the first",
        "may be a number, and the first one, too, where there are several. Results are new tensors.",
        "",
        *rows,
        "",
        "## Methods that are no functions",
        "",
        "`lazuli/tensor.h` and `lazuli/tensor_methods.inc` document them where they stand.",
        "",
    ]
    functions = {n for h in TITLES if os.path.exists(os.path.join(INCLUDE, h)) for n, _, _ in declarations(os.path.join(INCLUDE, h))}
    functions |= {re.match(r"\| `(\w+)", r).group(1) for r in rows[2:]}
    with open(os.path.join(INCLUDE, "tensor.h"), encoding="utf-8") as file:
        body = re.search(r"^class Tensor \{.*?^\};", file.read(), re.M | re.S).group(0).split("  // ---- For the library")[0]
    hand = re.findall(r"^  (?:static |explicit |template[^\n]*\n  )*[\w:<>,& ]+[&* ](\w+)\([^;{}]*\)(?: const)?(?:;| \{)", body, re.M)
    with open(os.path.join(INCLUDE, "tensor_methods.inc"), encoding="utf-8") as file:
        hand += re.findall(r"^[\w:<>,& ]+[&* ](\w+)\([^;{}]*\)(?: const)?(?:;| \{)", file.read(), re.M)
    only = sorted({n for n in hand if n not in functions and not (n.endswith("_") and n[:-1] in functions) and n not in ("operator", "bool")})
    lines += [", ".join(f"`{n}`" for n in only) + ".", ""]
    if wrong:
        sys.exit("\n".join(wrong))
    return "\n".join(lines)


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    arguments = [a for a in arguments if a != "--check"]
    text = page(arguments[0] if arguments else os.path.join(ROOT, "build/dev/generated"))
    path = os.path.join(ROOT, "docs/api.md")
    if check:
        with open(path, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit("docs/api.md is not up to date: run scripts/make-api-page.py")
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()

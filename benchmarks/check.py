"""Every entry of a gradient checked: the 64-32-10 tanh network, batch 32, 2 410 parameters, float64.

symnn two ways: somebody's NumPy code judged against the derived formula, at this batch and at generic points; and its
own compiled gradients by central differences, entry by entry, the entries of one parameter abreast. Timed is the check
of a network whose gradients are derived, as torch's is that of a loss whose backward pass is there; what deriving them
takes the first time in a process stands in a column of its own. Beside them torch.autograd.gradcheck, fast_mode=False
and True. Each in a process of its own, the first check in it. Exits 1 where a bar is missed.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from shared.rounds import Bar, arguments, finish, importable, middle, rounds, table

HERE = Path(__file__).resolve()
PEERS = HERE.parent.parent / ".venv-peers" / "bin" / "python"
N, D, H, C = 32, 64, 32, 10
SHARE = 0.1
SYMNN = {
    "judged": "symnn: code judged against the formula, all entries",
    "differences": "symnn: central differences, all entries",
}
TORCH = {"full": "torch gradcheck, full mode", "fast": "torch gradcheck, fast mode"}


def arrays() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return parameters and one batch."""
    rng = np.random.default_rng(0)
    params = {
        "W1": rng.standard_normal((H, D)) / 8, "b1": np.zeros(H), "W2": rng.standard_normal((C, H)) / 6,
        "b2": np.zeros(C),
    }  # fmt: skip
    return params, {"x": rng.standard_normal((N, D)), "t": rng.integers(0, C, N)}


def backward(x: Any, W1: Any, b1: Any, W2: Any, b2: Any, t: Any) -> dict[str, Any]:
    """Return the gradients as a student writes them."""
    h = np.tanh(x @ W1.T + b1)
    z = h @ W2.T + b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    delta = e / e.sum(axis=1, keepdims=True)
    delta[np.arange(len(t)), t] -= 1
    delta /= len(t)
    hidden = (delta @ W2) * (1 - h**2)
    return {"W2": delta.T @ h, "b2": delta.sum(axis=0), "W1": hidden.T @ x, "b1": hidden.sum(axis=0)}


def network() -> Any:
    import symnn as sn

    n, d, h, c = sn.dims("N D H C")
    x, t = sn.input("x", (n, d)), sn.labels("t", (n,), c)
    hidden = sn.tanh(sn.dense(x, h, name="1"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(hidden, c, name="2")), t))


def by_symnn(how: str) -> dict[str, Any]:
    """Time one way of symnn's, and apart from it what deriving and compiling takes."""
    import symnn as sn

    params, batch = arrays()
    _ = sn.Network, sn.check_gradients  # loaded before the clock starts
    begin = time.perf_counter()
    net = network()
    net.compile()
    start = time.perf_counter()
    if how == "judged":
        found = sn.check_gradients(net, backward, tuple(params), at={**params, **batch})
        right, entries = bool(found), sum(p.size for p in params.values())
    else:
        checks = net.check_compiled(params, batch)
        right = all(c.verdict == "differenced" for c in checks.values())
        entries = sum(c.points or 0 for c in checks.values())
    end = time.perf_counter()
    return {"seconds": end - start, "derived": start - begin, "right": right, "entries": entries}


def by_torch(how: str) -> dict[str, Any]:
    """Time torch's gradcheck."""
    torch = importlib.import_module("torch")
    params, batch = arrays()
    x, t = torch.tensor(batch["x"]), torch.tensor(batch["t"])
    given = [torch.tensor(p, requires_grad=True) for p in params.values()]

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return torch.nn.functional.cross_entropy(torch.tanh(x @ w1.T + b1) @ w2.T + b2, t)

    loss(*given).backward()  # warm
    start = time.perf_counter()
    right = torch.autograd.gradcheck(loss, given, fast_mode=how == "fast")
    return {"seconds": time.perf_counter() - start, "right": bool(right), "entries": sum(p.numel() for p in given)}


def main() -> int:
    chosen = arguments((__doc__ or "").split("\n")[0], default_rounds=3).parse_args()
    if chosen.one:
        who, how = chosen.one
        print(json.dumps(by_symnn(how) if who == "symnn" else by_torch(how)))
        return 0
    commands = {how: [sys.executable, str(HERE), "--one", "symnn", how] for how in SYMNN}
    python = next((p for p in (sys.executable, str(PEERS)) if importable(p, "torch")), None)
    if python is None:
        print("NOT RUN: torch is not installed; `make peers-env` installs it in .venv-peers")
    else:
        commands |= {how: [python, str(HERE), "--one", "torch", how] for how in TORCH}
    measured = rounds(commands, chosen.rounds)
    full = middle(measured["full"]) if "full" in measured else None
    rows = []
    for how, reports in measured.items():
        ratio = f"{middle(reports) / full:.3f}" if full else "-"
        rows.append(({**SYMNN, **TORCH}[how], str(reports[0]["entries"]), str(all(r["right"] for r in reports)),
                     f"{middle(reports) * 1e3:.0f}", ratio,
                     f"{middle(reports, 'derived') * 1e3:.0f}" if "derived" in reports[0] else "-"))  # fmt: skip
    print(f"the gradient of a 64-32-10 tanh network, batch 32; medians of {chosen.rounds} rounds")
    print(table(("check", "entries", "right", "ms", "of gradcheck's full mode", "deriving, ms"), rows))
    bars = [Bar(f"{what} / gradcheck's full mode", middle(measured[how]) / full if full else None, SHARE)
            for how, what in SYMNN.items()]  # fmt: skip
    wrong = [how for how, reports in measured.items() if not all(r["right"] for r in reports)]
    if wrong:
        print(f"MISSED: a right gradient was not found right by {', '.join(wrong)}")
    status = finish({"benchmark": "check", "rows": rows, "rounds": chosen.rounds}, bars, chosen.json)
    return 1 if wrong else status


if __name__ == "__main__":
    sys.exit(main())

"""torch.autograd.gradcheck beside the judge: which slips it sees at one point; it never says what is wrong.

A forward pass becomes an autograd function: forward by the reference interpreter, backward by the candidate. Run as a
program it prints one line of JSON; the benchmark starts it with an interpreter that has torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent.parent / ".venv-peers" / "bin" / "python"
#: Slips of each kind, and right gradients, that are tried.
EACH, RIGHT = 8, 40

__all__ = ["gradcheck"]


def gradcheck(seed: int = 0) -> dict[str, Any]:
    """Return by kind of slip how many were tried and how many gradcheck saw; print the same."""
    from shared.rounds import importable, table

    python = next((p for p in (sys.executable, str(PEERS)) if importable(p, "torch")), None)
    if python is None:
        print("torch.autograd.gradcheck: NOT RUN, torch is not installed; `make peers-env` installs it in .venv-peers")
        return {"run": False}
    done = subprocess.run([python, "-m", "gradients.peers", str(seed)], cwd=HERE.parent, capture_output=True, text=True)
    if done.returncode:
        print(f"torch.autograd.gradcheck: NOT RUN, it failed:\n{done.stderr[-1500:]}")
        return {"run": False, "error": done.stderr[-1500:]}
    found = json.loads(done.stdout.strip().splitlines()[-1])
    rows = [[k, str(n), str(seen), f"{100 * seen / n:.0f} %", "0"] for k, (n, seen) in found["wrong"].items()]
    n, alarms = found["right"]
    print(f"torch.autograd.gradcheck {found['torch']}, float64, its own tolerances, one point; a sample of each kind")
    print(table(("slip", "tried", "seen", "share", "told what is wrong"), rows))
    print(f"  right gradients: {n} tried, {alarms} called wrong")
    return {"run": True, **found}


def checked(seed: int) -> dict[str, Any]:
    """Run gradcheck on a sample of the corpus in this interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = importlib.import_module("torch")
    wrong: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    right = [0, 0]
    for case, point, item, slip in _sample(seed):
        passed = _passes(torch, case, point, item)
        if slip:
            wrong[slip][0] += 1
            wrong[slip][1] += not passed
        else:
            right[0] += 1
            right[1] += not passed
    return {"torch": str(torch.__version__), "wrong": dict(wrong), "right": right}


def _sample(seed: int) -> Iterator[tuple[Any, Any, Any, str]]:
    """Yield (case, point, candidate, its slip or nothing), kinds and cases mixed."""
    from . import all_cases
    from .points import points, with_inner
    from .prepare import prepared
    from .record import Tex

    count: dict[str, int] = defaultdict(int)
    for number, case in enumerate(all_cases()):
        point = with_inner(case, next(points(case, seed=seed + 7)))
        plan = prepared(case, seed=seed, most=24, differences=False)
        taken: set[str] = set()
        for w in plan.wrongs[number % 3 :: 3]:
            if not isinstance(w.candidate, Tex) and count[w.slip] < EACH and w.slip not in taken:
                count[w.slip] += 1
                taken.add(w.slip)
                yield case, point, w, w.slip
        for r in case.rights[number % 5 :: 17]:
            if not isinstance(r.candidate, Tex) and count[""] < RIGHT:
                count[""] += 1
                yield case, point, r, ""


def _passes(torch: Any, case: Any, point: Any, item: Any) -> bool:
    """Tell whether gradcheck passes for a candidate at a point."""
    from .points import moved
    from .prepare import candidate_value

    class Judged(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.tensor(moved(case, point, item.wrt, x.detach().numpy()).value)

        @staticmethod
        def backward(ctx: Any, above: Any) -> Any:
            (x,) = ctx.saved_tensors
            here = moved(case, point, item.wrt, x.detach().numpy(), above.numpy())
            found = np.asarray(candidate_value(item.candidate, item.wrt, here), dtype=float)
            scale = 1.0 if point.output.rank else float(above)
            return torch.tensor(np.array(scale * found))

    x = torch.tensor(np.array(point.names[item.wrt], dtype=float), requires_grad=True)
    try:
        return bool(torch.autograd.gradcheck(Judged.apply, (x,), raise_exception=True, check_undefined_grad=False))
    except Exception:  # whatever it raises, the candidate did not pass
        return False


if __name__ == "__main__":
    print(json.dumps(checked(int(sys.argv[1]))))

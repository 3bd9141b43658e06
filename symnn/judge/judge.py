"""Judge a gradient: proved, seen equal, or wrong with the reason; what cannot be judged says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symnn.graph.flow import FlowGraph
from symnn.ground.errors import DefinitionError
from symnn.ground.tensors import Tensor
from symnn.judge.candidate import Mismatched, Unreadable, read_candidate
from symnn.judge.code import Code
from symnn.judge.far import outside_of_conventions
from symnn.judge.fits import alike
from symnn.judge.judged_code import code_values, judged_code
from symnn.judge.judged_formula import judged_formula
from symnn.judge.judged_wrong import judged_wrong, told
from symnn.judge.judgement import CANNOT, NUMERICALLY, Judgement
from symnn.judge.judgements import Judgements
from symnn.judge.repair import judged_mismatch
from symnn.judge.spots import UNFIT, Spot, spot_at, spots
from symnn.judge.truth import Truth, truth_of
from symnn.network import Network
from symnn.verify.points import kinks, symbols_of

__all__ = ["check_gradient", "check_gradients", "parameters_of"]

_POINTS = 4
#: Up to which of the largest entry a formula that is right at generic points agrees at values that were given.
_GIVEN = 1e-7


def check_gradient(
    forward: Network | Tensor, wrt: str | Tensor, candidate: Any, *, seed: int = 0, at: Mapping[str, Any] | None = None
) -> Judgement:
    """Return whether a gradient is right, and if not, what is wrong with it.

    Args:
        forward: a network, or a layer: a computed tensor, whose upstream gradient a candidate calls dy or dout.
        wrt: by what was differentiated.
        candidate: a formula as text, ``latex(...)``, a SymPy expression in the gradient's indices or a function of
            them, or a function that takes arrays by the names of tensors and returns the gradient; ``course(...)``,
            ``function(...)``, ``torch_function(...)`` and ``jax_function(...)`` say how other code is called.
        seed: of the points.
        at: arrays by name for one more point, such as a batch and the weights of a training run: every entry of the
            gradient is compared there too. What is not given is drawn.

    Raises:
        UnknownNameError: there is no tensor of that name.
        DefinitionError: ``forward`` is no network and no layer, or there is no candidate.
        ShapeError: the arrays of ``at`` do not fit together.
    """
    if candidate is None:
        raise DefinitionError(
            "check_gradient() compares with a gradient of yours, found None. Give a formula, latex(...), or a "
            "function; without a candidate of your own use net.check(name)."
        )
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise DefinitionError(f"seed is a whole number from 0 on, found {seed!r}.")
    if at is not None and not isinstance(at, Mapping):
        raise DefinitionError(f"at= takes arrays by name, found {type(at).__name__}.")
    truth = truth_of(forward, wrt)
    with np.errstate(all="ignore"):  # what is not finite is said, not warned of
        return _judged(truth, candidate, seed, at)


def _judged(truth: Truth, candidate: Any, seed: int, at: Mapping[str, Any] | None) -> Judgement:
    try:
        points = spots(truth, _POINTS, seed=seed)
        given = None if at is None else spot_at(truth, at, seed=seed)
        read = read_candidate(candidate, truth)
    except Mismatched as error:
        return judged_mismatch(truth, error, points)
    except (Unreadable, ValueError) as error:
        return Judgement(truth.wrt.name, CANNOT, str(error), **told(truth))
    found = judged_code(truth, read, points) if isinstance(read, Code) else judged_formula(truth, read, points)
    return found if given is None or not found else _also_there(truth, read, given, found)


def _also_there(truth: Truth, read: Any, given: Spot, found: Judgement) -> Judgement:
    """Return the judgement on a gradient that is right at generic points with what is seen at the values given."""

    def values(spot: Spot) -> Any:
        if isinstance(read, Code):
            return code_values(truth, read, spot)
        return spot.dense.array(read.reading.tree, read.reading.free)

    target = truth.derivation.target
    assert target is not None
    try:
        true = np.asarray(given.tensor(target), dtype=float)
        output = np.asarray(given.tensor(truth.output), dtype=float)
        if not np.all(np.isfinite(output)) or not np.all(np.isfinite(true)):
            why = f"{truth.output.name} or its gradient is not finite at the values given"
            return replace(found, verdict=CANNOT, reason=why)
        seen = judged_code(truth, read, [given]) if isinstance(read, Code) else None
        if alike(values(given), true, _GIVEN) if seen is None else seen.verdict == NUMERICALLY:
            return replace(found, notes=(*found.notes, "agrees at the values given, too"))
        if seen is not None and (seen.verdict == CANNOT or any(d.kind == "forward" for d in seen.diagnosis)):
            return seen
        if any(np.any(np.asarray(given.tensor(t)) == 0) for t in kinks(truth.graph)):
            if outside_of_conventions(truth, values, given) is None:
                said = "the values given lie at a kink; there it is right up to a convention"
                return replace(found, notes=(*found.notes, said))
    except UNFIT as reason:
        return replace(found, verdict=CANNOT, reason=f"at the values given: {reason}")
    if seen is not None:
        return seen
    return judged_wrong(truth, values, [given], "right at generic points, and wrong at the values given", told(truth))


def check_gradients(
    forward: Network | Tensor, candidates: Mapping[str, Any] | Any, wrt: Sequence[str] = (), *, seed: int = 0,
    at: Mapping[str, Any] | None = None,
) -> Judgements:  # fmt: skip
    """Return judgements on several gradients at once; true as a condition only if every one is right.

    ``check_gradients(net, {"W": "X.T @ dz", "b": "sum(dz, 0)"})``,
    ``check_gradients(layer, course(forward, backward, ("x", "w", "b")))``

    Args:
        forward: a network or a layer, as for ``check_gradient``.
        candidates: candidates by the name of the tensor, or one piece of code that gives several gradients.
        wrt: the tensors whose gradients are judged; by default those that candidates speaks of, else all parameters.
        seed: of the points.
        at: arrays for one more point, as for ``check_gradient``.

    Raises:
        UnknownNameError: there is no tensor of that name.
        DefinitionError: there is nothing to judge.
    """
    for w in (*wrt, *(candidates if isinstance(candidates, Mapping) else ())):
        if not isinstance(w, str | Tensor):
            raise DefinitionError(f"Gradients are named by tensors or their names, found {w!r}.")
    names = [w if isinstance(w, str) else w.name for w in wrt]
    if isinstance(candidates, Mapping):
        names = names or [w if isinstance(w, str) else w.name for w in candidates]
        by_name = {w if isinstance(w, str) else w.name: c for w, c in candidates.items()}
        missing = [n for n in names if n not in by_name]
        if missing:
            raise DefinitionError(
                f"There is no candidate for the gradient by {missing[0]!r}; given: {', '.join(by_name) or 'none'}."
            )
        asked = {n: by_name[n] for n in names}
    else:
        own = [n for n in candidates.gives if _is_real(forward, n)] if isinstance(candidates, Code) else []
        asked = dict.fromkeys(names or own or parameters_of(forward), candidates)
    if not asked:
        raise DefinitionError("There is no gradient to judge: say by what was differentiated with wrt=(...).")
    title = forward.name if isinstance(forward, Tensor) else forward.loss.name
    return Judgements({n: check_gradient(forward, n, c, seed=seed, at=at) for n, c in asked.items()}, title)


def _is_real(forward: Network | Tensor, name: str) -> bool:
    """Tell whether a name is that of a real tensor, or of nothing at all, which is for others to refuse."""
    graph = forward.graph if isinstance(forward, Network) else FlowGraph((forward,))
    symbols = symbols_of(graph)
    if any(s.name == name for s in (*symbols.sizes, *symbols.scalars)):
        return False
    return all(t.classes is None for t in graph.order if t.name == name)


def parameters_of(forward: Network | Tensor) -> tuple[str, ...]:
    """Return the names of the parameters of a network or a layer."""
    if isinstance(forward, Network):
        return tuple(forward.parameters)
    return tuple(t.name for t in FlowGraph((forward,)).order if t.role == "parameter")

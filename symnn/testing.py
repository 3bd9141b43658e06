"""Gradients in tests: an assertion whose failure says what is wrong, a fixture, and a way to try every parameter.

Installing symnn makes pytest know the fixture ``assert_gradient``::

    def test_my_gradient(assert_gradient):
        assert_gradient(net, "W", "X.T @ dz")

    @symnn.each_gradient(net)
    def test_all(wrt):
        symnn.assert_gradient(net, wrt, my_gradients[wrt])

The module loads nothing heavy before a gradient is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symnn.ground.tensors import Tensor
    from symnn.judge.judgement import Judgement
    from symnn.judge.judgements import Judgements
    from symnn.network import Network

__all__ = ["GradientError", "assert_gradient", "assert_gradients", "each_gradient"]


class GradientError(AssertionError):
    """A gradient is wrong, or could not be judged.

    Attributes:
        judgement: what was found: a Judgement, or Judgements.
    """

    def __init__(self, message: str, judgement: Any) -> None:
        super().__init__(message)
        self.judgement = judgement


def assert_gradient(
    forward: Network | Tensor, wrt: str | Tensor, candidate: Any, *, proved: bool = False, seed: int = 0,
    at: Mapping[str, Any] | None = None, hint: str = "",
) -> Judgement:  # fmt: skip
    """Judge a gradient and return the judgement.

    Args:
        forward: a network, or a layer: a computed tensor, whose upstream gradient a candidate calls dy or dout.
        wrt: by what was differentiated.
        candidate: whatever ``symnn.check_gradient`` takes: a formula, ``latex(...)``, a function.
        proved: not content with agreement at points: it must be proved for all sizes.
        seed: of the points.
        at: arrays by name for one more point.
        hint: where the answer must not be given away, how much is told, as in ``Judgement.without_answer``.

    Raises:
        GradientError: it is wrong, or could not be judged; the message says what is wrong and where it is seen.
    """
    __tracebackhide__ = True
    from symnn.judge.judge import check_gradient

    found = check_gradient(forward, wrt, candidate, seed=seed, at=at)
    found = found.without_answer(hint) if hint else found
    _held(found, bool(found), proved and not found.proved)
    return found


def assert_gradients(
    forward: Network | Tensor, candidates: Any, wrt: Sequence[str] = (), *, proved: bool = False, seed: int = 0,
    at: Mapping[str, Any] | None = None, hint: str = "",
) -> Judgements:  # fmt: skip
    """Judge several gradients at once and return the judgements; see ``symnn.check_gradients``.

    Raises:
        GradientError: one is wrong, or could not be judged.
    """
    __tracebackhide__ = True
    from symnn.judge.judge import check_gradients

    found = check_gradients(forward, candidates, wrt, seed=seed, at=at)
    found = found.without_answer(hint) if hint else found
    _held(found, bool(found), proved and not all(j.proved for j in found.values()))
    return found


def _held(found: Any, right: bool, unproved: bool) -> None:
    __tracebackhide__ = True
    if not right:
        raise GradientError(f"\n{found}", found)
    if unproved:
        raise GradientError(f"\nnot proved for all sizes, as proved=True asks:\n{found}", found)


def each_gradient(
    forward: Network | Tensor, wrt: Iterable[str] = (), *, argument: str = "wrt"
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that runs a test once for each parameter, by name.

    Args:
        forward: a network or a layer.
        wrt: other names than those of all parameters.
        argument: what the test calls the name.
    """
    import pytest

    from symnn.judge.judge import parameters_of

    names = list(wrt) or list(parameters_of(forward))
    made: Callable[[Callable[..., Any]], Any] = pytest.mark.parametrize(argument, names, ids=names)
    return made

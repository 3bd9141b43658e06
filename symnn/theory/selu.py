"""The constants of SELU, solved from its forward definition: mean 0 and variance 1 stay what they are.

>>> found = selu_constants(20)
>>> mpmath.nstr(found.scale, 18), mpmath.nstr(found.alpha, 18)
('1.05070098735548049', '1.67326324235437728')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import sympy

from symnn.ground.arguments import whole_number
from symnn.nn.activations import ACTIVATIONS
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.integration.evaluate import as_mpf
from symnn.theory.integration.scalar import put

__all__ = ["SeluConstants", "selu_constants"]


@dataclass(frozen=True)
class SeluConstants:
    """lambda and alpha of SELU, and how the fixed point (mean, variance) = (0, 1) attracts.

    Attributes:
        scale, alpha: lambda and alpha.
        equations: E[g(z)] and E[g(z)^2] - 1 as closed forms in lambda and alpha, which are 0 at the solution.
        residuals: their values there.
        bound: of the absolute error of either constant: residuals divided by the least singular value of their
            Jacobian, twice, which holds to first order.
        jacobian: of (mean, variance) -> (mean, variance) at (0, 1), as rows.
        eigenvalues, norm: of that matrix; the norm is the largest singular value.
    """

    scale: Any
    alpha: Any
    equations: tuple[Any, Any]
    residuals: tuple[Any, Any]
    bound: float
    jacobian: tuple[tuple[Any, Any], tuple[Any, Any]]
    eigenvalues: tuple[Any, Any]
    norm: Any

    @property
    def stable(self) -> bool:
        """Both eigenvalues are below 1 in size, so that nearby means and variances return to (0, 1)."""
        return all(abs(e) < 1 for e in self.eigenvalues)


def selu_constants(digits: int = 30) -> SeluConstants:
    """Solve E[selu(z)] = 0, E[selu(z)^2] = 1, z ~ N(0, 1), for lambda and alpha.

    Both moments are taken in closed form from the forward definition in ``ACTIVATIONS``; the first is linear in alpha,
    the second proportional to lambda^2, so that the positive solution is the only one. With weights of mean 0 and
    variance 1/n, pre-activations have mean 0 and variance v + m^2 if activations have mean m and variance v. So the map
    is (m, v) -> (mu(v + m^2), nu(v + m^2) - mu(v + m^2)^2), mu(q) = E[g], nu(q) = E[g^2] under N(0, q), and its
    Jacobian at (0, 1) is ((0, mu'(1)), (0, nu'(1) - 2 mu(1) mu'(1))), the derivatives being E[g (z^2 - 1)]/2 and
    E[g^2 (z^2 - 1)]/2.

    Source: Klambauer et al. 2017, Self-Normalizing Neural Networks, eq. 4, 5 and the appendix on its derivatives.

    Raises:
        DefinitionError: ``digits`` is no whole number from 1 on.
    """
    whole_number("selu_constants", "digits", digits, 1)
    z = sympy.Symbol("z", real=True)
    scale, alpha = sympy.symbols("lambda alpha", positive=True)
    g = ACTIVATIONS["selu"].expression(z, scale, alpha)
    first, second = (gaussian_mean(h, z).closed for h in (g, g**2))
    drift, spread = (gaussian_mean(h * (z**2 - 1) / 2, z).closed for h in (g, g**2))
    equations = (first, second - 1)
    with mpmath.workdps(digits + 15):

        def at(e: Any, l: Any, a: Any) -> Any:
            values = {scale: sympy.Float(str(l), digits + 20), alpha: sympy.Float(str(a), digits + 20)}
            return as_mpf(put(e, values))

        solution = mpmath.findroot(lambda l, a: [at(e, l, a) for e in equations], (1, 1))
        l, a = solution[0], solution[1]
        residuals = tuple(at(e, l, a) for e in equations)
        matrix = mpmath.matrix(2, 2)
        matrix[0, 1] = at(drift, l, a)
        matrix[1, 1] = at(spread, l, a) - 2 * residuals[0] * matrix[0, 1]
        step = mpmath.mpf(10) ** -(digits // 2)
        ways = ((step, 0), (0, step))
        slopes = mpmath.matrix(
            [[(at(e, l + s, a + t) - at(e, l - s, a - t)) / (2 * step) for s, t in ways] for e in equations]
        )
        least = min(mpmath.svd_r(slopes, compute_uv=False))
        bound = 2 * mpmath.norm(mpmath.matrix(residuals)) / least + mpmath.mpf(10) ** -(digits + 10)
        eigenvalues = mpmath.eig(matrix, left=False, right=False)
        norm = max(mpmath.svd_r(matrix, compute_uv=False))
        return SeluConstants(
            l, a, equations, (residuals[0], residuals[1]), float(bound),
            ((matrix[0, 0], matrix[0, 1]), (matrix[1, 0], matrix[1, 1])),
            (mpmath.re(eigenvalues[0]), mpmath.re(eigenvalues[1])), norm,
        )  # fmt: skip

"""Each error names the node or array, what was expected and what was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn


@pytest.fixture(scope="module")
def run() -> Any:
    """A compiled softmax regression; called with changes to a sound point."""
    N, D, C = sn.dims("N D C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1")), t))
    f = net.compile()
    sound = {"x": np.ones((2, 3)), "t": np.array([0, 3]), "W1": np.ones((4, 3)), "b1": np.zeros(4)}

    def call(check: bool = True, **changes: Any) -> Any:
        return f({}, {**sound, **changes}, check=check)

    assert np.isfinite(call()[0])
    return call


def test_a_shape_clash_names_node_index_and_both_sizes() -> None:
    N, D, H = sn.dims("N D H")
    n, i, j = sn.indices("n i j")
    x, W = sn.input("x", (N, D)), sn.parameter("W", (H, H))
    with pytest.raises(sn.ShapeError) as caught:
        sn.define("a", (n, i), sn.sum(W[i, j] * x[n, j], j))
    text = str(caught.value)
    assert "'a'" in text and "index j" in text and "D" in text and "(N, D)" in text and "H" in text


def test_a_shape_clash_in_a_layer_names_the_node() -> None:
    N, D, H = sn.dims("N D H")
    with pytest.raises(sn.ShapeError) as caught:
        sn.dense(sn.input("x", (N, D)), H, name="7", weight=sn.parameter("W", (H, 16)))
    text = str(caught.value)
    assert "'a7'" in text and "D" in text and "16" in text


def test_an_unknown_name_suggests_the_nearest() -> None:
    x = sn.input("x", sn.dims("N D"))
    with pytest.raises(sn.UnknownNameError, match="activation named 'rellu'. Did you mean 'relu'"):
        sn.activation("rellu", x)
    with pytest.raises(sn.UnknownNameError, match="loss named 'mse2'. Did you mean 'mse'"):
        sn.loss("mse2", x, x)


def test_an_unknown_array_suggests_the_nearest(run: Any) -> None:
    with pytest.raises(sn.UnknownNameError, match="'W11'. Did you mean 'W1'"):
        run(W11=np.ones((4, 3)))


def test_an_unsupported_construct_is_named() -> None:
    N = sn.dims("N")
    n = sn.index("n")
    x = sn.input("x", (N,))
    with pytest.raises(sn.UnsupportedError) as caught:
        sn.define("y", (n,), sympy.besselj(0, x[n]))
    assert "besselj" in str(caught.value)


def test_a_label_out_of_range_names_array_place_and_limit(run: Any) -> None:
    limit = r"expected an integer from 0 to C - 1 = 3"
    with pytest.raises(sn.LabelError, match=rf"'t' holds the label 4 at \(1,\), {limit}"):
        run(t=np.array([0, 4]))
    with pytest.raises(sn.LabelError, match=r"the label -1 at \(0,\)"):
        run(t=np.array([-1, 0]))


def test_a_label_that_is_no_integer_is_refused(run: Any) -> None:
    with pytest.raises(sn.LabelError, match=r"'t' holds the label 0.5 at \(1,\), expected a whole number"):
        run(t=np.array([0, 0.5]))
    with pytest.raises(sn.LabelError, match="'t' holds truth values"):
        run(t=np.array([True, False]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_data_that_is_not_finite_names_array_and_place(run: Any, bad: float) -> None:
    x = np.ones((2, 3))
    x[1, 2] = bad
    with pytest.raises(sn.DataError, match=r"'x' holds -?(nan|inf) at \(1, 2\)"):
        run(x=x)
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(run(check=False, x=x)[0])


def test_a_batch_of_no_examples_is_refused(run: Any) -> None:
    with pytest.raises(sn.DataError, match=r"'x' is empty: axis 0, the size N, is 0 in shape \(0, 3\)"):
        run(x=np.ones((0, 3)), t=np.zeros(0, dtype=int))


def test_arrays_that_do_not_fit_name_both_places(run: Any) -> None:
    with pytest.raises(sn.ShapeError, match=r"Axis 1 of 'W1', the size D, has length 5, expected 3 from axis 1 of 'x'"):
        run(W1=np.ones((4, 5)))
    with pytest.raises(sn.ShapeError, match=r"'x' has shape \(2,\), expected 2 axes \(N, D\)"):
        run(x=np.ones(2))


def test_a_missing_array_is_named(run: Any) -> None:
    N, D = sn.dims("N D")
    net = sn.Network(sn.mse(sn.dense(sn.input("x", (N, D)), 1, name="1"), sn.input("y", (N, 1))))
    with pytest.raises(sn.DataError, match="No array was given for 'b1'"):
        net.compile()({"W1": np.ones((1, 3))}, {"x": np.ones((2, 3)), "y": np.ones((2, 1))})


def test_all_errors_are_one_family() -> None:
    family = (sn.ShapeError, sn.DefinitionError, sn.UnsupportedError, sn.DataError, sn.LabelError, sn.UnknownNameError)
    assert all(issubclass(e, sn.SymnnError) for e in family)
    assert issubclass(sn.LabelError, sn.DataError)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "N"])
def test_a_size_is_a_positive_integer(wrong: Any) -> None:
    with pytest.raises(sn.DefinitionError, match="positive integer or a symbol"):
        sn.input("x", (wrong,))


def test_two_tensors_of_one_name_are_told() -> None:
    N, D = sn.dims("N D")
    x, y = sn.input("x", (N, D)), sn.input("x", (N, D))
    with pytest.raises(sn.DefinitionError, match="both named 'x'"):
        sn.Network(sn.mse(x, sn.tanh(y)))

"""Backward passes by hand as students write them: ``forward`` gives (out, cache), ``backward`` takes (dout, cache).

All of these are right. What is wrong is made from them by ``slipped``, a piece of text for another.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "affine_backward", "affine_forward", "attention_backward", "attention_forward", "batchnorm_backward",
    "batchnorm_backward_alt", "batchnorm_forward", "conv_backward", "conv_forward", "dense_backward", "dense_forward",
    "dropout_backward", "dropout_forward", "embedding_backward", "embedding_forward", "head_backward", "head_forward",
    "layernorm_backward", "layernorm_forward", "lstm_step_backward", "lstm_step_forward", "max_pool_backward",
    "max_pool_forward", "mlp_backward", "mlp_forward", "relu_backward", "relu_forward", "rnn_step_backward",
    "rnn_step_forward", "slipped", "softmax_loss", "softmax_loss_backward", "softmax_loss_forward",
]  # fmt: skip


def slipped(f: Callable[..., Any], *pieces: tuple[str, str]) -> Callable[..., Any]:
    """Return a function of the same name with pieces of its text exchanged, each of which it holds exactly once."""
    text = inspect.getsource(f)
    for old, new in pieces:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {f.__name__}"
        text = text.replace(old, new)
    space = dict(f.__globals__)
    exec(compile(text, f"<{f.__name__}, slipped>", "exec"), space)
    made: Callable[..., Any] = space[f.__name__]
    return made


# -- affine maps and ReLU ----------------------------------------------------------------------------------------------


def affine_forward(x, w, b):
    """w of shape (in, out)."""
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def dense_forward(x, W, b):
    """W of shape (out, in)."""
    return x @ W.T + b, (x, W)


def dense_backward(dout, cache):
    x, W = cache
    dx = dout @ W
    dW = dout.T @ x
    db = dout.sum(axis=0)
    return dx, dW, db


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    return dx


def mlp_forward(x, W1, b1, W2, b2):
    a, below = dense_forward(x, W1, b1)
    h, middle = relu_forward(a)
    out, above = dense_forward(h, W2, b2)
    return out, (below, middle, above)


def mlp_backward(dout, cache):
    below, middle, above = cache
    dh, dW2, db2 = dense_backward(dout, above)
    da = relu_backward(dh, middle)
    dx, dW1, db1 = dense_backward(da, below)
    return dx, dW1, db1, dW2, db2


# -- norms -------------------------------------------------------------------------------------------------------------


def batchnorm_forward(x, gamma, beta, eps):
    mean = x.mean(axis=0)
    centred = x - mean
    var = (centred**2).mean(axis=0)
    std = np.sqrt(var + eps)
    xhat = centred / std
    return gamma * xhat + beta, (centred, var, std, xhat, gamma, eps)


def batchnorm_backward(dout, cache):
    """Walk back through the graph, node by node."""
    centred, var, std, xhat, gamma, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dstd = -(dxhat * centred).sum(axis=0) / std**2
    dvar = dstd / (2 * std)
    dcentred = dxhat / std
    dcentred = dcentred + 2 * centred * dvar / N
    dmean = -dcentred.sum(axis=0)
    dx = dcentred + dmean / N
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    """The same on one line."""
    centred, var, std, xhat, gamma, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma / (N * std) * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mu = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (xhat, std, gamma)


def layernorm_backward(dout, cache):
    xhat, std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    m1 = dxhat.mean(axis=1, keepdims=True)
    m2 = (dxhat * xhat).mean(axis=1, keepdims=True)
    dx = (dxhat - m1 - xhat * m2) / std
    return dx, dgamma, dbeta


def dropout_forward(x, u, p):
    """Keep where u < p."""
    mask = (u < p) / p
    return x * mask, (p, mask)


def dropout_backward(dout, cache):
    p, mask = cache
    dx = dout * mask
    return dx


# -- softmax loss ------------------------------------------------------------------------------------------------------


def softmax_loss(x, y):
    """Loss and gradient at once."""
    N = x.shape[0]
    shifted = x - x.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(N), y].sum() / N
    dx = np.exp(logp)
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


def softmax_loss_forward(x, y):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean(), (p, y)


def softmax_loss_backward(dout, cache):
    p, y = cache
    dx = p.copy()
    dx[np.arange(len(y)), y] -= 1
    return dout * dx / len(y)


# -- attention ---------------------------------------------------------------------------------------------------------


def attention_forward(q, k, v, causal=False):
    """q (T, D), k (U, D), v (U, H)."""
    d = q.shape[1]
    s = q @ k.T / np.sqrt(d)
    if causal:
        s = np.where(np.tri(*s.shape) > 0, s, -np.inf)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    q, k, v, p = cache
    d = q.shape[1]
    dv = p.T @ dout
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    ds = ds / np.sqrt(d)
    dq = ds @ k
    dk = ds.T @ q
    return dq, dk, dv


def head_forward(x, Wq, Wk, Wv):
    """One head on one sequence: x is projected to queries, keys and values."""
    out, cache = attention_forward(x @ Wq.T, x @ Wk.T, x @ Wv.T)
    return out, (x, Wq, Wk, Wv, cache)


def head_backward(dout, cache):
    x, Wq, Wk, Wv, inner = cache
    dq, dk, dv = attention_backward(dout, inner)
    dx = dq @ Wq
    dx += dk @ Wk
    dx += dv @ Wv
    return dx, dq.T @ x, dk.T @ x, dv.T @ x


# -- convolution and pooling by loops ----------------------------------------------------------------------------------


def conv_forward(x, w, b, conv_param):
    """x (N, C, H, W), w (F, C, R, S), b (F,): out (N, F, H', W')."""
    pad, stride = conv_param["pad"], conv_param["stride"]
    N, C, H, W = x.shape
    F, _, R, S = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    A, B = 1 + (H + 2 * pad - R) // stride, 1 + (W + 2 * pad - S) // stride
    out = np.zeros((N, F, A, B))
    for n in range(N):
        for f in range(F):
            for i in range(A):
                for j in range(B):
                    window = xp[n, :, i * stride : i * stride + R, j * stride : j * stride + S]
                    out[n, f, i, j] = (window * w[f]).sum() + b[f]
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, w, b, conv_param = cache
    pad, stride = conv_param["pad"], conv_param["stride"]
    N, C, H, W = x.shape
    F, _, R, S = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    at = (n, slice(None), slice(i * stride, i * stride + R), slice(j * stride, j * stride + S))
                    dw[f] += dout[n, f, i, j] * xp[at]
                    dxp[at] += dout[n, f, i, j] * w[f]
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


def max_pool_forward(x, pool_param):
    """Windows of k by k, stride s; they overlap where s < k."""
    k, s = pool_param["size"], pool_param["stride"]
    N, C, H, W = x.shape
    A, B = 1 + (H - k) // s, 1 + (W - k) // s
    out = np.empty((N, C, A, B))
    for i in range(A):
        for j in range(B):
            out[:, :, i, j] = x[:, :, i * s : i * s + k, j * s : j * s + k].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward(dout, cache):
    x, pool_param = cache
    k, s = pool_param["size"], pool_param["stride"]
    dx = np.zeros_like(x)
    for n in range(dout.shape[0]):
        for c in range(dout.shape[1]):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    window = x[n, c, i * s : i * s + k, j * s : j * s + k]
                    mask = window == window.max()
                    dx[n, c, i * s : i * s + k, j * s : j * s + k] += dout[n, c, i, j] * mask
    return dx


# -- sequences ---------------------------------------------------------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def embedding_forward(x, W):
    """x holds words, W one row for each."""
    return W[x], (x, W)


def embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return dW


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = x @ Wx + prev_h @ Wh + b
    next_h = np.tanh(a)
    return next_h, (x, prev_h, Wx, Wh, a, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, a, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Gates in the order i, f, o, g along the last axis; the output holds the next h and c."""
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    t = np.tanh(next_c)
    next_h = o * t
    return np.stack([next_h, next_c]), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, t)


def lstm_step_backward(dout, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, t = cache
    dnext_h, dnext_c = dout
    do = dnext_h * t
    dc = dnext_c + dnext_h * o * (1 - t**2)
    dprev_c = dc * f
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)

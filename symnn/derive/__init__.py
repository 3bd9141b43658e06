"""Derivation: small-step differentiation, backpropagation over a graph, and the record of every step."""

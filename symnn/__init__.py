"""Derive, check, typeset and compile the backward pass of a network from its forward pass."""

"""Compile a flow graph to one readable generated array program, numerically safe, for NumPy or CuPy."""

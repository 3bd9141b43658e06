"""Verification: proofs of lines and claims, values by the interpreter, differences of interpreter and compiled code."""

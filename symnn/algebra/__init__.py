"""The algebra: canonical terms, the zero test, proofs, compact forms and matrix form."""

import symnn.algebra.normal  # noqa: F401  (enters the constructors that products call upwards)

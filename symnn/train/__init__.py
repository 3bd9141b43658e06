"""Training: a loop over minibatches that knows a callable loss and gradients, and nothing of how they were made."""

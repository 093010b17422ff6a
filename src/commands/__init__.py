"""What the commands of `e3gnn-xanes` do, one module a command; each imports what it needs alone."""

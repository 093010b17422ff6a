"""The commands of `e3gnn-xanes`, one module each, which imports only what it needs."""

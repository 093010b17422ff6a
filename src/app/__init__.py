"""The page of `e3gnn-xanes app`: crystal, distinct sites and their predicted spectra."""

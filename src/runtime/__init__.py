"""Files, processes, signals and versions: what is not about spectra."""

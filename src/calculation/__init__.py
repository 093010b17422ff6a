"""Calculations: structures to inputs, and to spectra with FEFF."""

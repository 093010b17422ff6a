"""Calculations to records, records to a database, structures to graphs, spectra to targets."""

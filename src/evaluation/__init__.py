"""Evaluation: error metrics, errors by environment, calibration and coverage of bands."""

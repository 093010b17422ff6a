"""What an evaluation says beyond the errors in `metrics.py`."""

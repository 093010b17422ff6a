"""Parts of a training besides the loop in `train.py`."""
